"""Text datasets as people have them."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

from tests.formats.real_files.case import Facts, RealFile, Refusal, holding
from tests.support.archives import a_tar, a_zip

_TWO = {"kind": "labelled", "rows": 2, "labels": ["neg", "pos"]}
_GOOD = {"row": 1, "text": "good film", "label": "pos"}
_ROWS = [{"text": "good film", "label": "pos"}, {"text": "bad film", "label": "neg"}]
_CSV = b"text,label\ngood film,pos\nbad film,neg\n"
_SPANS = (
    "Export it as CoNLL 2003 (Label Studio, doccano), or write words and tags as lists of one "
    'length, such as {"tokens": ["Hi"], "tags": ["O"]}.'
)


def _json(content: Any, indent: int | None = None) -> Callable[[Path], object]:
    return holding(json.dumps(content, ensure_ascii=False, indent=indent))


def _jsonl(rows: Iterable[Any], end: str = "\n", start: str = "") -> Callable[[Path], object]:
    return holding(start + "".join(json.dumps(row, ensure_ascii=False) + end for row in rows))


def _studio(text: str, *chosen: str, name: str = "sentiment", **more: Any) -> dict[str, Any]:
    """A task of Label Studio's JSON export with an annotation for each of `chosen`."""
    annotations = [
        {
            "id": i,
            "completed_by": i,
            "was_cancelled": False,
            "ground_truth": False,
            "result": [
                {
                    "id": "x7Y",
                    "from_name": name,
                    "to_name": "text",
                    "type": "choices",
                    "value": {"choices": [label]},
                }
            ],
        }
        for i, label in enumerate(chosen, start=1)
    ]
    task = {"id": 11, "data": {"text": text}, "annotations": annotations, "predictions": []}
    return task | more


def _studio_answers(text: str, answers: Sequence[Sequence[str]]) -> dict[str, Any]:
    """A task with an annotation for each of `answers`, which may hold any number of choices."""
    results = [
        [{"from_name": "topics", "value": {"choices": list(answer)}}] if answer else []
        for answer in answers
    ]
    return _studio(text, annotations=[{"result": result} for result in results])


def _studio_questions(text: str, *answers: Mapping[str, str]) -> dict[str, Any]:
    """A task with an annotation for each of `answers`: a choice for each question."""
    results = [
        [{"from_name": name, "value": {"choices": [chosen]}} for name, chosen in answer.items()]
        for answer in answers
    ]
    return _studio(text, annotations=[{"result": result} for result in results])


_QUESTIONS = (
    (
        "good film",
        {"sentiment": "pos", "quality": "clear"},
        {"sentiment": "pos", "quality": "vague"},
    ),
    ("bad film", {"sentiment": "neg", "quality": "clear"}),
)
_SKIPPED = {"id": 1, "was_cancelled": True, "result": []}
_STUDIO_SPAN = {"value": {"start": 0, "end": 4, "text": "Asha", "labels": ["PER"]}}


def _argilla(
    text: str, *answers: str, status: str = "submitted", **others: Sequence[int]
) -> dict[str, Any]:
    """A record of `dataset.records.to_json()` of Argilla 2; `others` answers further questions."""
    responses = {
        name: [{"user_id": f"u{i}", "value": a, "status": status} for i, a in enumerate(values)]
        for name, values in {"label": answers, **others}.items()
        if values
    }
    return {
        "id": "8f3c",
        "status": "completed",
        "fields": {"text": text},
        "metadata": {},
        "vectors": {},
        "suggestions": {"label": {"value": "pos", "score": 0.9, "agent": "model"}},
        "responses": responses,
    }


def _prodigy(text: str, label: str, answer: str = "accept") -> dict[str, Any]:
    hashes = {"_input_hash": -17, "_task_hash": 23, "_view_id": "classification"}
    return {"text": text, "label": label, "answer": answer} | hashes


def _prodigy_choice(text: str, *accept: str, answer: str = "accept") -> dict[str, Any]:
    options = [{"id": "pos", "text": "Positive"}, {"id": "neg", "text": "Negative"}]
    return _prodigy(text, "", answer) | {"options": options, "accept": list(accept)}


def _workbook(sheets: Mapping[str, Sequence[Sequence[str | float | None]]]) -> bytes:
    """An Excel workbook with inline strings, as small as Excel opens one."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packages}/content-types"><Default '
        f'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
            f'ContentType="{kinds}.worksheet+xml"/>'
            for n in numbers
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{packages}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>'
            for n, name in zip(numbers, sheets, strict=True)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packages}/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        + "</Relationships>",
    }
    for n, rows in zip(numbers, sheets.values(), strict=True):
        body = "".join(f"<row>{''.join(map(_excel_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + content)
    return made.getvalue()


def _excel_cell(cell: str | float | None) -> str:
    if cell is None:
        return "<c/>"
    if isinstance(cell, str):
        return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f"<c><v>{cell}</v></c>"


def _parquet(names: Sequence[str] = (), **columns: Sequence[Any]) -> Callable[[Path], object]:
    """As `Dataset.to_parquet` writes two texts and columns of ClassLabel with these names."""
    feature = {"names": list(names), "_type": "ClassLabel"}
    listed = {"feature": feature, "_type": "Sequence"}
    features = {n: listed if isinstance(c[0], list) else feature for n, c in columns.items()}
    described = {"info": {"features": features}}
    table = pa.table({"text": ["good film", "bad film"], **columns})
    if names:
        table = table.replace_schema_metadata({"huggingface": json.dumps(described)})
    return lambda file: pq.write_table(table, file)


_TABLES = (
    RealFile(
        "excel-europe.csv",
        "CSV from Excel in most of Europe: semicolons and a byte order mark",
        holding("\ufefftext;label\r\ngood film;pos\r\nbad film, sadly;neg\r\n"),
        Facts(_TWO | {"report.delimiter": "semicolon"}, _GOOD),
    ),
    RealFile(
        "pandas-index.csv",
        "pandas' `to_csv` with its index as a column without a name",
        holding(",text,label\n0,good film,pos\n1,bad film,neg\n"),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "unicode-text.txt",
        "Excel's “Unicode text”: tabs and UTF-16",
        holding("text\tlabel\r\ngood film\tpos\r\nbad film\tneg\r\n".encode("utf-16")),
        Facts(_TWO | {"report.delimiter": "tab"}, _GOOD, "The file was UTF-16."),
    ),
    RealFile(
        "latin-1.csv",
        "a CSV file in Windows' encoding",
        holding("text,label\nschöner Film,pos\n".encode("cp1252")),
        Refusal(
            "encoding-not-utf-8",
            "The file is not UTF-8: byte 0xF6 at byte 14, in line 2.",
            'Save the file as UTF-8 and send it again: in Excel as "CSV UTF-8", or in a shell '
            "with `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE`.",
        ),
    ),
    RealFile(
        "header.csv",
        "a header line and nothing else",
        holding("text,label\n"),
        Refusal(
            "no-usable-rows",
            "The file has 0 row(s), and none has both an input and a label.",
            "Check that the right columns were read and that the file is complete.",
        ),
    ),
    RealFile(
        "reviews.csv.gz",
        "a gzipped CSV file",
        holding(gzip.compress(_CSV)),
        Facts(_TWO | {"report.format": "csv"}, _GOOD),
    ),
    RealFile(
        "kaggle.zip",
        "a CSV file zipped by itself, with what a Mac adds",
        lambda file: a_zip(
            file,
            {"data/train.csv": _CSV, "__MACOSX/data/._train.csv": b"\0\5", "data/.DS_Store": b"\0"},
        ),
        Facts(_TWO, _GOOD, "Of the archive `data/train.csv` was read."),
    ),
    RealFile(
        "splits.tar.gz",
        "train and test in one archive",
        lambda file: a_tar(file, {"train.csv": _CSV, "test.csv": _CSV, "README.md": b"#"}, "gz"),
        Refusal(
            "several-tables",
            "The archive holds 2 tables: `test.csv`, `train.csv`.",
            "Name one of them with `-F part=train` (for train.csv), and send the archive once for "
            "each role that the transfer needs; or send each table by itself.",
        ),
    ),
    RealFile(
        "splits.tar.gz",
        "the same, and the part named",
        lambda file: a_tar(file, {"train.csv": _CSV, "test.csv": _CSV[:25]}, "gz"),
        Facts(
            {"kind": "labelled", "rows": 1, "labels": ["pos"]},
            {},
            "Of the archive `test.csv` was read.",
        ),
        hints={"part": "test"},
    ),
    RealFile(
        "reviews.xlsx",
        "an Excel workbook; a year as the text, a number as the label",
        holding(_workbook({"Sheet1": [["text", "label"], ["good film", 1], [2001, 0]]})),
        Facts(
            {"kind": "labelled", "rows": 2, "labels": ["0", "1"], "report.sheet": "Sheet1"},
            {"text": "good film", "label": "1"},
        ),
    ),
    RealFile(
        "notes-first.xlsx",
        "a workbook whose second sheet has the data",
        holding(
            _workbook(
                {
                    "About": [["Exported on Monday"]],
                    "Data": [["Text", "Label"], ["good film", "pos"], [], ["bad film", "neg"]],
                }
            )
        ),
        Facts(_TWO | {"report.rows": 3, "report.other_sheets": ["About"]}, _GOOD),
    ),
    RealFile(
        "datasets.parquet",
        "a ClassLabel of Hugging Face datasets, its names in the schema",
        _parquet(["neg", "pos"], label=[1, 0]),
        Facts(_TWO | {"report.format": "parquet"}, _GOOD),
    ),
    RealFile(
        "data.csv",
        "a Git LFS pointer, from a repository that was cloned without LFS",
        holding(
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 1048576\n"
        ),
        Refusal(
            "git-lfs-pointer",
            "data.csv is a Git LFS pointer and not the file itself; its 1,048,576 bytes lie "
            "elsewhere.",
            "Run `git lfs install` and `git lfs pull` in the repository, and send the file again.",
        ),
    ),
)

_JSON_FILES = (
    RealFile(
        "records.json",
        'an array of rows, as pandas\' `to_json(orient="records")`',
        _json(_ROWS),
        Facts(_TWO | {"report.format": "json"}, _GOOD),
    ),
    RealFile(
        "columns.json",
        "pandas' `to_json()` as it is by default",
        _json({"text": {"0": "good film", "1": "bad film"}, "label": {"0": "pos", "1": "neg"}}),
        Facts(_TWO | {"report.format": "json"}, _GOOD),
    ),
    RealFile(
        "split.json",
        'pandas\' `to_json(orient="split")`',
        _json(
            {
                "columns": ["text", "label"],
                "index": [0, 1],
                "data": [["good film", "pos"], ["bad film", "neg"]],
            }
        ),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "index.json",
        'pandas\' `to_json(orient="index")`',
        _json({"0": _ROWS[0], "1": _ROWS[1]}),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "lists.json",
        "an object with a list for each column, as `Dataset.to_dict()`",
        _json({"text": ["good film", "bad film"], "label": ["pos", "neg"]}),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "wrapped.json",
        "rows below one key, beside a version",
        _json({"version": 2, "data": _ROWS}, indent=2),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "mark.jsonl",
        "JSONL with a byte order mark",
        _jsonl(_ROWS, start="\ufeff"),
        Facts(_TWO | {"report.format": "jsonl"}, _GOOD),
    ),
    RealFile(
        "commas.jsonl",
        "lines that still have the commas of an array",
        _jsonl(_ROWS, end=",\n"),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "cut.json",
        "an array that ends too early",
        holding(json.dumps(_ROWS)[:55]),
        Refusal(
            "file-damaged",
            "The JSON file is damaged or incomplete: Unterminated string starting at: line 1 "
            "column 50 (char 49).",
            "Write the file again and send it once more.",
        ),
    ),
)

_MULTI_HOT = Refusal(
    "row-malformed",
    "Row 1, column `labels`: a vector of 0 and 1 stands there, and nothing says what its places "
    "mean.",
    'Write the names of the labels of each row, such as {"labels": ["a", "b"]}, and an empty list '
    "where none fits.",
)

_SEVERAL_LABELS = (
    RealFile(
        "multi-hot.jsonl",
        "labels as vectors of 0 and 1, as networks are trained on",
        _jsonl(
            [{"text": "good film", "labels": [1, 0, 1]}, {"text": "bad film", "labels": [0, 0, 1]}]
        ),
        _MULTI_HOT,
    ),
    RealFile(
        "multi-hot.parquet",
        "the same as floats, from a Hugging Face dataset",
        _parquet(labels=[[1.0, 0.0], [0.0, 1.0]]),
        _MULTI_HOT,
    ),
    RealFile(
        "multi-hot-names.parquet",
        "vectors of 0 and 1 in a sequence of ClassLabel, their names in the schema",
        _parquet(["pos", "neg", "film"], labels=[[1, 0, 1], [0, 1, 0]]),
        Facts(
            {"kind": "multi_labelled", "rows": 2, "labels": ["film", "neg", "pos"]},
            {"labels": ["pos", "film"]},
        ),
    ),
)

_ANNOTATED = (
    RealFile(
        "project-1.json",
        "Label Studio's JSON: one task without an answer, one skipped, one with two opinions",
        _json(
            [
                _studio("good film", "pos"),
                _studio("bad film", "neg", "neg"),
                _studio("so so"),
                _studio("?", annotations=[_SKIPPED]),
                _studio("hm", "pos", "neg"),
            ]
        ),
        Facts(
            _TWO
            | {
                "report.annotations": "label-studio",
                "report.rows": 5,
                "report.left_out": {
                    "not annotated": 1,
                    "skipped": 1,
                    "labelled differently by its annotators": 1,
                },
            },
            _GOOD,
            "1 row(s) were skipped and are left out, first row 4.",
        ),
    ),
    RealFile(
        "project-3.json",
        "Label Studio's JSON of tasks that came with labels, one of them not annotated",
        _json(
            [
                _studio(text, *chosen, name="stance", data={"text": text, "label": "imported"})
                for text, chosen in (("good film", ["pos"]), ("bad film", ["neg"]), ("hm", []))
            ]
        ),
        Facts(_TWO | {"report.left_out": {"not annotated": 1}}, _GOOD),
    ),
    RealFile(
        "project-4.json",
        "Label Studio's JSON of two questions, of which one divides the annotators",
        _json([_studio_questions(*row) for row in _QUESTIONS]),
        Facts(_TWO | {"report.left_out": None}, _GOOD),
        hints={"label": "sentiment"},
    ),
    RealFile(
        "project-4.json",
        "the same, for the question that divides them",
        _json([_studio_questions(*row) for row in _QUESTIONS]),
        Facts(
            {
                "rows": 1,
                "labels": ["clear"],
                "report.left_out": {"labelled differently by its annotators": 1},
            }
        ),
        hints={"label": "quality"},
    ),
    RealFile(
        "project-5.json",
        "Label Studio's JSON with several choices: two in another order, one task not annotated",
        _json(
            [
                _studio_answers("good film", [["pos", "film"], ["film", "pos"]]),
                _studio_answers("hm", [[]]),
                _studio_answers("?", []),
            ]
        ),
        Facts(
            {
                "kind": "multi_labelled",
                "rows": 2,
                "labels": ["film", "pos"],
                "report.labels_per_row": {"without": 1, "mean": 1.0, "most": 2},
                "report.left_out": {"not annotated": 1},
            },
            {"labels": ["pos", "film"]},
        ),
    ),
    RealFile(
        "project-1.json",
        "Label Studio's JSON for its texts alone: one skipped, one with two opinions",
        _json(
            [
                _studio("so so"),
                _studio("?", annotations=[_SKIPPED]),
                _studio("hm", "pos", "neg"),
            ]
        ),
        Facts(
            {"kind": "unlabelled", "rows": 2, "report.left_out": {"skipped": 1}},
            {"row": 1, "text": "so so"},
        ),
        hints={"kind": "unlabelled"},
    ),
    RealFile(
        "project-1-min.json",
        "Label Studio's JSON-MIN",
        _json(
            [
                {"text": row["text"], "id": i, "sentiment": row["label"], "annotator": 1}
                | {"annotation_id": i, "lead_time": 3.2}
                for i, row in enumerate(_ROWS, start=1)
            ]
        ),
        Facts(_TWO, _GOOD),
    ),
    RealFile(
        "project-2.json",
        "Label Studio's JSON with spans",
        _json([_studio("Asha", annotations=[{"id": 1, "result": [_STUDIO_SPAN]}])]),
        Refusal(
            "spans-unsupported",
            "Row 1 labels spans of characters, and nothing says which words they are.",
            _SPANS,
        ),
    ),
    RealFile(
        "admin.jsonl",
        "doccano's classification: a list with one label",
        _jsonl(
            [
                {"id": 1, "text": "good film", "label": ["pos"]},
                {"id": 2, "text": "bad film", "label": ["neg"]},
                {"id": 3, "text": "so so", "label": []},
            ]
        ),
        Facts(
            _TWO | {"report.empty.label": 1},
            _GOOD,
            "The labels stand in lists and no row has more than one, so that each row has a single "
            "label. Where a row may have several, send the kind `multi_labelled`.",
        ),
    ),
    RealFile(
        "doccano-multi.jsonl",
        "doccano's classification with several labels in a row",
        _jsonl(
            [
                {"text": "good film", "label": ["pos", "film"]},
                {"text": "bad film", "label": ["neg"]},
                {"text": "hm", "label": []},
            ]
        ),
        Facts(
            {"kind": "multi_labelled", "rows": 3, "labels": ["film", "neg", "pos"]},
            {"labels": ["pos", "film"]},
        ),
    ),
    RealFile(
        "doccano-spans.jsonl",
        "doccano's sequence labelling as JSONL",
        _jsonl([{"id": 1, "text": "Asha called", "label": [[0, 4, "PER"]]}]),
        Refusal(
            "spans-unsupported",
            "Row 1 labels spans of characters, and nothing says which words they are.",
            _SPANS,
        ),
    ),
    RealFile(
        "argilla.json",
        "Argilla's records: one discarded, one with two opinions",
        _json(
            [
                _argilla("good film", "pos", "pos"),
                _argilla("bad film", "neg"),
                _argilla("?", "pos", status="discarded"),
                _argilla("hm", "pos", "neg"),
            ]
        ),
        Facts(
            _TWO
            | {
                "report.annotations": "argilla",
                "report.left_out": {"skipped": 1, "labelled differently by its annotators": 1},
            },
            _GOOD,
        ),
    ),
    RealFile(
        "argilla-questions.json",
        "Argilla's records of two questions, of which one divides the annotators",
        _json(
            [
                _argilla("good film", "pos", "pos", quality=[1, 2]),
                _argilla("bad film", "neg", quality=[1]),
                _argilla("?", quality=[1]),
            ]
        ),
        Facts(_TWO | {"report.left_out": {"not annotated": 1}}, _GOOD),
        hints={"label": "label"},
    ),
    RealFile(
        "argilla-datasets.jsonl",
        "Argilla's export to Hugging Face datasets",
        _jsonl(
            [
                {
                    "id": f"{i}",
                    "status": "completed",
                    "text": row["text"],
                    "label.responses": [row["label"]],
                    "label.responses.users": ["u1"],
                    "label.responses.status": ["submitted"],
                    "label.suggestion": "pos",
                    "label.suggestion.score": 0.7,
                }
                for i, row in enumerate(_ROWS)
            ]
        ),
        Facts(_TWO | {"report.annotations": "argilla"}, _GOOD),
    ),
    RealFile(
        "argilla-1.jsonl",
        "Argilla 1's feedback: the responses as a list of answers",
        _jsonl(
            {
                "text": row["text"],
                "label": [{"user_id": "u1", "value": row["label"], "status": "submitted"}],
                "label-suggestion": None,
                "external_id": None,
                "metadata": "{}",
            }
            for row in _ROWS
        ),
        Facts(_TWO | {"report.annotations": "argilla"}, _GOOD),
    ),
    RealFile(
        "textcat.jsonl",
        "Prodigy's binary classification: answers that reject and ignore",
        _jsonl(
            [
                _prodigy("good film", "pos"),
                _prodigy("bad film", "neg"),
                _prodigy("bad film", "pos", "reject"),
                _prodigy("fine film", "neg", "reject"),
                _prodigy("?", "pos", "ignore"),
            ]
        ),
        Facts(
            _TWO
            | {
                "report.annotations": "prodigy",
                "report.rows": 5,
                "report.left_out": {"rejected": 2, "ignored": 1},
            },
            _GOOD,
            "2 row(s) were rejected and are left out, first row 3.",
        ),
    ),
    RealFile(
        "choice.jsonl",
        "Prodigy's choice of one of several labels",
        _jsonl(
            [
                _prodigy_choice("good film", "pos"),
                _prodigy_choice("bad film", "neg"),
                _prodigy_choice("?", answer="ignore"),
            ]
        ),
        Facts(_TWO | {"report.left_out": {"ignored": 1}}, _GOOD),
    ),
    RealFile(
        "ner.jsonl",
        "Prodigy's names: tokens and spans of tokens",
        _jsonl(
            [
                {
                    "text": "Asha Rao called\n",
                    "tokens": [
                        {"text": word, "start": 0, "end": 0, "id": i}
                        for i, word in enumerate(["Asha", "Rao", "called", "\n"])
                    ],
                    "spans": [
                        {"start": 0, "end": 8, "token_start": 0, "token_end": 1, "label": "PER"}
                    ],
                    "answer": "accept",
                    "_task_hash": 5,
                }
            ]
        ),
        Facts(
            {"kind": "tokens", "rows": 1, "labels": ["O", "B-PER", "I-PER"]},
            {"words": ["Asha", "Rao", "called"], "tags": ["B-PER", "I-PER", "O"]},
        ),
    ),
)


def _swallowing(rows: int) -> str:
    """A quote opens the third text, and the next one stands `rows` rows below."""
    lines = [f"film number {i},{('pos', 'neg')[i % 2]}" for i in range(rows + 4)]
    lines[2] = f'"{lines[2]}'
    lines[2 + rows] = lines[2 + rows].replace(",", '",')
    return "text,label\n" + "\n".join(lines) + "\n"


_PECULIAR = (
    RealFile(
        "sep.csv",
        "CSV whose first line `sep=;` tells Excel the delimiter",
        holding("sep=;\r\ntext;label\r\ngood film, really;pos\r\nbad film;neg\r\n"),
        Facts(_TWO | {"report.delimiter": "semicolon"}, {"row": 1, "text": "good film, really"}),
    ),
    RealFile(
        "stray-quote.csv",
        "a double quote without its partner, which swallows 51 rows",
        holding(_swallowing(51)),
        Facts(
            {"kind": "labelled", "report.rows": 4},
            {"text": "film number 0"},
            "1 row(s) have a cell of more than 20 lines; row 3 has one of 52. A double quote "
            "without its partner takes in the rows that follow: look at these cells.",
        ),
    ),
    RealFile(
        "quotations.tsv",
        "TSV with quotes as plain characters, which pair over two rows by chance",
        holding('text\tlabel\n"Great film\tpos\nI loved it"\tneg\n'),
        Facts(_TWO | {"report.delimiter": "tab"}, {"text": '"Great film', "label": "pos"}),
    ),
    RealFile(
        "line-breaks.tsv",
        "TSV from a spreadsheet: a quoted text with a tab and a line break",
        holding('text\tlabel\n"Great film,\twith\tmuch\nto see"\tpos\nbad film\tneg\n'),
        Facts(_TWO, {"text": "Great film,\twith\tmuch\nto see", "label": "pos"}),
    ),
    RealFile(
        "setfit.jsonl",
        "numbers as `label` with their names beside them as `label_text`",
        _jsonl(
            {"text": row["text"], "label": i, "label_text": row["label"]}
            for i, row in enumerate(_ROWS)
        ),
        Facts(_TWO | {"report.columns.label": "label_text"}, _GOOD),
    ),
    RealFile(
        "floats.csv",
        "labels as pandas writes a column of numbers with gaps",
        holding("text,label\ngood film,1.0\nbad film,0.0\nso so,\n"),
        Facts(
            {"kind": "labelled", "rows": 2, "labels": ["0.0", "1.0"]},
            {},
            "The labels are whole numbers with a point, such as '0.0', as pandas writes a column "
            "with gaps. For a model whose labels have none, write them without or name them in "
            "`label_mapping`.",
        ),
    ),
    RealFile(
        "romanised.csv",
        "Hindi in Latin letters, of which the language detector knows nothing",
        holding(
            "text,label\n"
            "mujhe kal subah saat baje jagana mat bhoolna,alarm\n"
            "kya aaj dilli mein baarish hogi ya nahi,weather\n"
        ),
        Facts(
            {
                "rows": 2,
                "report.language.checked": False,
                "report.language.looks_right": True,
                "report.wrong_language.wrong": 0,
            },
            {},
            "The language was not checked: the identifier does not know `hi-Latn`.",
        ),
        language="hi-Latn",
    ),
)

_ASHA = {"words": ["Asha", "Rao"], "tags": ["B-PER", "I-PER"]}
_PERSON = {"kind": "tokens", "rows": 1, "labels": ["O", "B-PER", "I-PER"]}

_TAGGED = (
    RealFile(
        "comments.conll",
        "CoNLL with comments of several words, brackets and marks of documents",
        holding(
            "# newdoc id = 7\n# text[en] = Asha Rao\n# sentence 1 of 2 [ ]\n"
            "Asha B-PER\nRao I-PER\n\n# newpar\n# O\nthanks O\n"
        ),
        Facts(_PERSON | {"rows": 2, "report.words": 4}, _ASHA),
    ),
    RealFile(
        "documents.conll",
        "CoNLL 2003 with marks of documents and no empty line before them",
        holding("-DOCSTART- O\n\nAsha B-PER\nRao I-PER\n-DOCSTART- O\nthanks O\n"),
        Facts(_PERSON | {"rows": 2, "report.words": 3}, _ASHA),
    ),
    RealFile(
        "no-break.conll",
        "a no-break space within a token, as in French numbers",
        holding("12\u00a0000 B-NUM\neuros O\n"),
        Facts({"kind": "tokens", "rows": 1}, {"words": ["12\u00a0000", "euros"]}),
        language="fr",
    ),
    RealFile(
        "msra.bmes",
        "Chinese characters tagged BMES",
        holding("王 B-PER\n小 M-PER\n明 E-PER\n在 O\n京 S-LOC\n"),
        Facts(
            {
                "kind": "tokens",
                "labels": ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"],
                "report.scheme": {"found": "BIOES", "rewritten": 3},
            },
            {"tags": ["B-PER", "I-PER", "I-PER", "O", "B-LOC"]},
        ),
        language="zh",
    ),
    RealFile(
        "resume.bioes",
        "Chinese characters tagged BIOES",
        holding("王 B-PER\n小 I-PER\n明 E-PER\n在 O\n京 S-LOC\n"),
        Facts(
            {"kind": "tokens", "report.scheme": {"found": "BIOES", "rewritten": 2}},
            {"tags": ["B-PER", "I-PER", "I-PER", "O", "B-LOC"]},
        ),
        language="zh",
    ),
)

TEXT_FILES: tuple[RealFile, ...] = (
    *_TABLES,
    *_PECULIAR,
    *_JSON_FILES,
    *_SEVERAL_LABELS,
    *_ANNOTATED,
    *_TAGGED,
)
