"""Errors about the files that datasets come in."""

from __future__ import annotations

from app.domain.errors import RejectedFile

_ACCEPTED = (
    "Send CSV, TSV, JSON, JSONL, XLSX or Parquet for text; an NPZ file, a zip of class folders or "
    "a zip of two IDX files for images. Texts without labels, sentence pairs and word pairs may be "
    "plain text files, one on each line; name their kind."
)


class DatasetFormatUnknown(RejectedFile):
    """The file is none of the kinds a dataset comes in."""

    code = "dataset-format-unknown"

    def __init__(self, filename: str, reason: str) -> None:
        super().__init__(
            f"`{filename}` cannot be read as a dataset: {reason}.", _ACCEPTED, filename=filename
        )


class DatasetKindDiffers(RejectedFile):
    """The user named one kind, the file is of the other."""

    code = "dataset-kind-differs"

    def __init__(self, named: str, found: str) -> None:
        super().__init__(
            f"The dataset was sent as `{named}`, but the file is of kind `{found}`.",
            "Leave the kind out to have it found, or send the other file.",
            named=named,
            found=found,
        )


class EncodingNotUtf8(RejectedFile):
    """The text is not UTF-8; `line` counts from 1, the header included."""

    code = "encoding-not-utf-8"

    def __init__(self, byte_offset: int, line: int, found: str) -> None:
        super().__init__(
            f"The file is not UTF-8: {found} at byte {byte_offset}, in line {line}.",
            "Save the file as UTF-8 and send it again.",
            byte_offset=byte_offset,
            line=line,
        )


class FileDamaged(RejectedFile):
    """The file begins like one of its kind, but its content contradicts that."""

    code = "file-damaged"

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(
            f"The {kind} file is damaged or incomplete: {reason}.",
            "Write the file again and send it once more.",
            kind=kind,
        )


class TooManyLabels(RejectedFile):
    """More distinct labels than a classifier has classes: most likely the wrong column."""

    code = "too-many-labels"

    def __init__(self, labels: int, limit: int, column: str) -> None:
        super().__init__(
            f"The column `{column}` has {labels} different labels; the limit is {limit}.",
            "Name the column that holds the class with `label`.",
            labels=labels,
            limit=limit,
            column=column,
        )


class ColumnMissing(RejectedFile):
    """No column has the name that was given, or a name by which it could be found."""

    code = "column-missing"

    def __init__(self, role: str, wanted: str | None, columns: tuple[str, ...]) -> None:
        what = f"no column `{wanted}`" if wanted else f"no column that is clearly the {role}"
        super().__init__(
            f"The file has {what}. Its columns are: {_listed(columns)}.",
            f"Name the column with `{role}`. The first line of a CSV or TSV file must be a header. "
            "Texts without labels are sent with the kind `unlabelled`.",
            role=role,
            wanted=wanted,
            columns=list(columns),
        )


class ColumnAmbiguous(RejectedFile):
    """Several columns may be meant."""

    code = "column-ambiguous"

    def __init__(self, role: str, candidates: tuple[str, ...], columns: tuple[str, ...]) -> None:
        super().__init__(
            f"Several columns may be the {role}: {_listed(candidates)}.",
            f"Name the column with `{role}`.",
            role=role,
            candidates=list(candidates),
            columns=list(columns),
        )


class RowMalformed(RejectedFile):
    """A row that cannot be read; `row` counts rows of data from 1, `column` may be None."""

    code = "row-malformed"

    def __init__(self, row: int, column: str | None, reason: str, advice: str) -> None:
        where = f"Row {row}, column `{column}`" if column else f"Row {row}"
        super().__init__(f"{where}: {reason}.", advice, row=row, column=column)


class SpansUnsupported(RejectedFile):
    """Labels that stand for spans of characters, which are no words with tags."""

    code = "spans-unsupported"

    def __init__(self, row: int) -> None:
        super().__init__(
            f"Row {row} labels spans of characters, and nothing says which words they are.",
            "Export it as CoNLL 2003 (Label Studio, doccano), or write words and tags as lists of "
            'one length, such as {"tokens": ["Hi"], "tags": ["O"]}.',
            row=row,
        )


class SeveralTables(RejectedFile):
    """An archive with more than one table: which of them is the dataset?"""

    code = "several-tables"

    def __init__(self, files: list[str]) -> None:
        some = ", ".join(f"`{file}`" for file in files[:8])
        super().__init__(
            f"The archive holds {len(files)} tables: {some}.",
            "Name one of them with `part` (`train` for train.csv), and send the archive once for "
            "each role that the transfer needs; or send each table by itself.",
            files=files[:50],
        )


class NoUsableRows(RejectedFile):
    """Nothing is left once the empty rows are taken away."""

    code = "no-usable-rows"

    def __init__(self, rows: int, what: str) -> None:
        super().__init__(
            f"The file has {rows} row(s), and none has {what}.",
            "Check that the right columns were read and that the file is complete.",
            rows=rows,
        )


def _listed(columns: tuple[str, ...]) -> str:
    named = ", ".join(f"`{column[:60]}`" for column in columns[:20])
    return named + (" and more" if len(columns) > 20 else "") if columns else "none"
