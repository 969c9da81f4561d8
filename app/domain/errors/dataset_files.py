"""Errors about the files that datasets come in: tables, pairs and images."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence

from app.domain.errors import RejectedFile

_ACCEPTED = (
    "Send CSV, TSV, JSON, JSONL, XLSX or Parquet for text; an NPZ file, a zip of class folders or "
    "a zip of two IDX files for images. Texts without labels, sentence pairs and word pairs may be "
    "plain text files, one on each line; name their kind with `-F kind=unlabelled`, `parallel` or "
    "`dictionary`."
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
        # A guess: the commonest encoding of texts that are no UTF-8.
        encoding = "UTF-16" if "UTF-16" in found else "WINDOWS-1252"
        super().__init__(
            f"The file is not UTF-8: {found} at byte {byte_offset}, in line {line}.",
            'Save the file as UTF-8 and send it again: in Excel as "CSV UTF-8", or in a shell with '
            f"`iconv -f {encoding} -t UTF-8 FILE > NEW_FILE`.",
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
            "Name the column of classes: `-F label=COLUMN` with curl, `label=` in Python.",
            labels=labels,
            limit=limit,
            column=column,
        )


class ColumnMissing(RejectedFile):
    """No column has a name that was given, or a name by which it could be found.

    `missing` maps each role without a column to the name that the user gave for it, or None;
    `found` are the columns that other roles have taken.
    """

    code = "column-missing"

    def __init__(
        self,
        missing: Mapping[str, str | None],
        columns: tuple[str, ...],
        found: Collection[str] = (),
    ) -> None:
        parts = [
            f"no column `{name}`" if name else f"no column that is clearly the {role}"
            for role, name in missing.items()
        ]
        free = [column for column in columns if column not in found]
        role, wanted = next(iter(missing.items()))
        super().__init__(
            f"The file has {' and '.join(parts)}. Its columns are: {_listed(columns)}.",
            _naming(list(missing), free) + _other_ways(missing),
            role=role,
            wanted=wanted,
            missing=list(missing),
            columns=list(columns),
        )


class ColumnAmbiguous(RejectedFile):
    """Several columns may be meant."""

    code = "column-ambiguous"

    def __init__(self, role: str, candidates: tuple[str, ...], columns: tuple[str, ...]) -> None:
        super().__init__(
            f"Several columns may be the {role}: {_listed(candidates)}.",
            f"Say which: {' or '.join(f'`{_field(role, name)}`' for name in candidates[:3])} "
            f"with curl, `{role}=` in Python.",
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
            "Name one of them with `-F part=train` (for train.csv), and send the archive once for "
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


def _naming(roles: list[str], free: list[str]) -> str:
    """How to name columns; by the names in the file where only these can be meant."""
    names = free if len(free) == len(roles) else ["COLUMN"] * len(roles)
    fields = " ".join(_field(role, name) for role, name in zip(roles, names, strict=True))
    return (
        f"Name the column{'s' * (len(roles) > 1)} beside the file: `{fields}` with curl, "
        f"`{'=, '.join(roles)}=` in Python; in the `spec` of a transfer below `datasets` and the "
        "role."
    )


def _other_ways(missing: Mapping[str, str | None]) -> str:
    advice = ""
    if None in missing.values():
        advice = " The first line of a CSV or TSV file must be a header."
    if missing.get("label", "") is None:
        advice += " Texts without labels are sent with `-F kind=unlabelled`."
    if "group" in missing:
        advice += " Without groups, leave `group` out."
    return advice


def _field(role: str, column: str) -> str:
    return f"-F {shlex.quote(f'{role}={column[:60]}')}"


def _listed(columns: tuple[str, ...]) -> str:
    named = ", ".join(f"`{column[:60]}`" for column in columns[:20])
    return named + (" and more" if len(columns) > 20 else "") if columns else "none"


class ParallelFilesUnclear(RejectedFile):
    """The archive does not hold exactly one source and one target file."""

    code = "parallel-files-unclear"

    def __init__(self, files: list[str], reason: str) -> None:
        super().__init__(
            f"It is not clear which file translates which: {reason}.",
            "Send an archive of two text files named for their languages (`text.en`, `text.de`), "
            "or name them with `-F source=NAME -F target=NAME`.",
            files=files[:20],
        )


class ParallelLengthsDiffer(RejectedFile):
    """Two files that should translate each other line by line have different lengths."""

    code = "parallel-lengths-differ"

    def __init__(self, source: str, source_lines: int, target: str, target_lines: int) -> None:
        super().__init__(
            f"`{source}` has {source_lines} lines, but `{target}` has {target_lines}.",
            "Line i of one file must translate line i of the other: align the files again.",
            source=source,
            source_lines=source_lines,
            target=target,
            target_lines=target_lines,
        )


class ArraysUnfit(RejectedFile):
    """The arrays of an NPZ or IDX file are not images with their labels."""

    code = "arrays-unfit"

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}.", advice, reason=reason)


class ArrayHoldsObjects(RejectedFile):
    """Reading an array of Python objects would run a pickle."""

    code = "array-holds-objects"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The array `{name}` holds Python objects; reading it could run code.",
            "Save images as uint8 and labels as integers or strings "
            "(`numpy.asarray(y, dtype=str)`).",
            array=name,
        )


class OneIdxFile(RejectedFile):
    """One of the two files that an IDX data set consists of."""

    code = "one-idx-file"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is one file of IDX, either images or labels.",
            "Send a zip of both files, as many such pairs as there are: MNIST's four go into one "
            "zip, and `part` says which pair is meant.",
            file=file,
        )


class ImagePartMissing(RejectedFile):
    """A file of several parts, or of none, has not the part that was asked for."""

    code = "part-missing"

    def __init__(self, part: str, found: Sequence[str]) -> None:
        has = f"it has {', '.join(found)}" if found else "its names indicate no parts"
        super().__init__(
            f"The file has no part `{part}`: {has}.",
            "Leave `part` out, or give the name of a part that is there.",
            part=part,
            found=list(found),
        )


class ImageUnreadable(RejectedFile):
    """A file in a class folder is no image that can be decoded."""

    code = "image-unreadable"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"`{file}` cannot be read as an image: {reason}.",
            "Replace or remove the file. PNG, JPEG, BMP and WebP images are read.",
            file=file,
        )


class ImageShapesDiffer(RejectedFile):
    """All images of one dataset have one height and width."""

    code = "image-shapes-differ"

    def __init__(self, file: str, size: tuple[int, int], first: tuple[int, int]) -> None:
        super().__init__(
            f"`{file}` is {size[0]} x {size[1]} pixels, the images before it are "
            f"{first[0]} x {first[1]}.",
            "Scale all images to one size, best to the size that the model takes.",
            file=file,
        )


class ClassFoldersUnclear(RejectedFile):
    """An image lies where its class folder is unclear."""

    code = "class-folders-unclear"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"The class of `{file}` is unclear: {reason}.",
            "Put every image into a folder named after its class, one folder deep "
            "(`digits/3/0001.png`); send training and test images as two datasets.",
            file=file,
        )
