"""Text files of every kind, read in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.domain.datasets import DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors import RejectedFile
from app.formats.read_dataset import read_dataset
from app.formats.tables.canonical import TextRow, read_text_rows
from tests.support.datasets import a_csv, a_jsonl, a_parquet, labelled_rows

Answer = tuple[dict[str, Any], list[TextRow]]
ROWS = [("NA", "1.0", "g1"), ('say "hi", he said', "null", "g1"), ("zwei\nZeilen", "007", "g2")]


def _read(file: Path, **hints: Any) -> Answer:
    canonical = file.parent / "canonical.parquet"
    facts = read_dataset(
        upload=str(file),
        filename=file.name,
        hints=asdict(DatasetHints(**hints)),
        language="en",
        canonical=str(canonical),
        max_bytes=10**8,
        max_members=1000,
    )
    return facts, list(read_text_rows(canonical))


def _refusal(file: Path, **hints: Any) -> RejectedFile:
    with pytest.raises(RejectedFile) as refused:
        _read(file, **hints)
    assert refused.value.advice
    json.dumps(refused.value.as_dict())
    return refused.value


def _write(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("a.csv", a_csv),
        ("a.tsv", lambda file, rows: a_csv(file, rows, delimiter="\t")),
        ("semicolon.csv", lambda file, rows: a_csv(file, rows, delimiter=";")),
        ("bar.txt", lambda file, rows: a_csv(file, rows, delimiter="|")),
        ("a.jsonl", a_jsonl),
        ("a.parquet", a_parquet),
        ("without-a-suffix", a_parquet),
        ("json-without-a-suffix", a_jsonl),
    ],
)
def test_every_kind_of_file_gives_the_same_rows_and_keeps_labels_as_text(
    tmp_path: Path, name: str, build: Callable[[Path, list[Any]], Path]
) -> None:
    facts, rows = _read(build(tmp_path / name, ROWS))
    assert rows == [TextRow(i, *row) for i, row in enumerate(ROWS, start=1)]
    assert facts["kind"] == DatasetKind.LABELLED
    assert facts["labels"] == ["007", "1.0", "null"]
    assert (facts["rows"], facts["grouped"]) == (3, True)


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(tmp_path: Path) -> None:
    _, rows = _read(_write(tmp_path / "a.csv", b"\xef\xbb\xbftext,label\r\nja,x\r\n"))
    assert rows == [TextRow(1, "ja", "x")]
    _, rows = _read(_write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"text": "ja", "label": "x"}\r\n'))
    assert rows == [TextRow(1, "ja", "x")]


def test_columns_are_found_by_name_or_taken_as_named(tmp_path: Path) -> None:
    file = _write(tmp_path / "a.csv", "Index ID,Category,Utterance,question\n7,x,ja,nein\n")
    refusal = _refusal(file)
    assert (refusal.code, refusal.fields["candidates"]) == (
        "column-ambiguous",
        ["Utterance", "question"],
    )
    facts, rows = _read(file, text="question")
    assert rows == [TextRow(1, "nein", "x")]
    columns = {"text": "question", "label": "Category", "group": None}
    assert facts["report"]["columns"] == columns
    facts, rows = _read(file, text="question", group="index-id")
    assert rows == [TextRow(1, "nein", "x", "7")]
    assert facts["report"]["columns"] == columns | {"group": "Index ID"}


@pytest.mark.parametrize("name", ["id", "uid", "Index ID", "template", "group_id", "sent_id"])
def test_only_a_column_called_group_is_one_unless_the_user_names_another(
    tmp_path: Path, name: str
) -> None:
    """Ids that count in each file anew would tie together rows of unlike files."""
    file = _write(tmp_path / "a.csv", f"{name},text,label\n1,ja,x\n2,nein,y\n")
    facts, _ = _read(file)
    assert facts["grouped"] is False
    assert any(f"`group` set to `{name}`" in note for note in facts["report"]["notes"])
    assert any("otherwise there is nothing to do" in note for note in facts["report"]["notes"])
    repeated = _write(tmp_path / "c.csv", f"{name},text,label\n1,ja,x\n1,nein,y\n")
    notes = _read(repeated)[0]["report"]["notes"]
    assert any("was not read as a group" in note for note in notes)
    facts, rows = _read(file, group=name)
    assert [row.group for row in rows] == ["1", "2"]
    assert not any("was not read as a group" in note for note in facts["report"]["notes"])
    facts, _ = _read(file, group="")
    assert facts["grouped"] is False
    assert not any("was not read as a group" in note for note in facts["report"]["notes"])
    both = _write(tmp_path / "b.csv", f"{name},Group,text,label\n1,g,ja,x\n2,g,nein,y\n")
    assert [row.group for row in _read(both)[1]] == ["g", "g"]


def test_a_column_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    file = _write(tmp_path / "a.csv", "Satz,Thema\nja,x\n")
    refusal = _refusal(file)
    assert refusal.code == "column-missing"
    assert refusal.fields["columns"] == ["Satz", "Thema"]
    assert _refusal(file, text="Wort").fields["wanted"] == "Wort"
    assert _read(file, text="Satz", label="thema")[1] == [TextRow(1, "ja", "x")]


def test_all_columns_to_name_are_said_at_once_as_they_are_sent(tmp_path: Path) -> None:
    file = _write(tmp_path / "a.csv", "Mein Text,Thema\nja,x\n")
    refusal = _refusal(file)
    assert refusal.fields["missing"] == ["text", "label"]
    assert "`-F 'text=Mein Text' -F label=Thema` with curl" in refusal.advice
    assert "-F kind=unlabelled" in refusal.advice
    misspelt = _refusal(file, text="Text")
    assert "no column `Text` and no column that is clearly the label" in misspelt.message
    one = _refusal(file, text="Text", label="Thema")
    assert one.fields["missing"] == ["text"]
    assert "`-F 'text=Mein Text'` with curl" in one.advice
    assert "unlabelled" not in one.advice
    wide = _refusal(_write(tmp_path / "b.csv", "Nr,Satz,Thema\n1,ja,x\n"))
    assert "`-F text=COLUMN -F label=COLUMN` with curl" in wide.advice


def test_several_columns_that_may_be_meant_are_offered_as_fields(tmp_path: Path) -> None:
    refusal = _refusal(_write(tmp_path / "a.csv", "utterance,question,label\nja,nein,x\n"))
    assert "`-F text=utterance` or `-F text=question`" in refusal.advice


def test_commas_in_the_text_of_a_tsv_do_not_mislead(tmp_path: Path) -> None:
    lines = "category\ttext\n" + "".join(f"x\ta, b, c, {i}\n" for i in range(30))
    facts, rows = _read(_write(tmp_path / "misnamed.csv", lines))
    assert facts["report"]["delimiter"] == "tab"
    assert rows[0].text == "a, b, c, 0"


def test_quotes_of_a_tsv_are_plain_characters_where_they_do_not_pair(tmp_path: Path) -> None:
    content = 'text\tlabel\n"Hello" she said\tx\n"an open quote\ty\nthe end"\tz\n'
    _, rows = _read(_write(tmp_path / "a.tsv", content))
    assert [row.text for row in rows] == ['"Hello" she said', '"an open quote', 'the end"']


def test_empty_rows_are_counted_and_left_out_and_keep_their_numbers(tmp_path: Path) -> None:
    content = "text,label\none,a\n\n  ,b\ntwo, \n,\nthree,c,,\n"
    facts, rows = _read(_write(tmp_path / "a.csv", content))
    assert [(row.row, row.text) for row in rows] == [(1, "one"), (6, "three")]
    report = facts["report"]
    assert (report["rows"], report["usable"]) == (6, 2)
    assert report["empty"] == {"text": 3, "label": 1, "first_rows": [2, 3, 4, 5]}
    assert "3 row(s) have no text and were left out, first row 2." in report["notes"]


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("text,label\none,a\ntwo\n", 2),
        ("text,label\none,a\nwell, two,b\n", 2),
        ('text,label\none,a\n"two" too,b\n', 2),
    ],
)
def test_a_row_of_another_width_is_named(tmp_path: Path, content: str, row: int) -> None:
    refusal = _refusal(_write(tmp_path / "a.csv", content))
    assert (refusal.code, refusal.fields["row"]) == ("row-malformed", row)
    assert "double quotes" in refusal.advice


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("{not json}", None),
        ('["one", "a"]', None),
        ("[" * 100_000, None),
        ('{"text": 5, "label": "a"}', "text"),
        ('{"text": ["one"], "label": "a"}', "text"),
        ('{"text": "one", "label": 0.5}', "label"),
        ('{"text": "one", "label": {"id": 1}}', "label"),
        ('{"text": "half a pair \\ud83d", "label": "a"}', "text"),
        ('{"text": "one", "label": "\\u0000"}', "label"),
    ],
)
def test_a_json_line_that_cannot_be_a_row_is_named_with_its_column(
    tmp_path: Path, line: str, column: str | None
) -> None:
    good = '{"text": "one", "label": "a"}\n'
    refusal = _refusal(_write(tmp_path / "a.jsonl", good + line + "\n"))
    assert refusal.code == "row-malformed"
    assert (refusal.fields["row"], refusal.fields["column"]) == (2, column)


def test_labels_of_json_become_text_without_a_needless_point(tmp_path: Path) -> None:
    values = ["1", "2.0", "true", '"1.0"', "null", "NaN"]
    lines = "".join(f'{{"text": "t{i}", "label": {v}}}\n' for i, v in enumerate(values))
    _, rows = _read(_write(tmp_path / "a.jsonl", lines))
    assert [row.label for row in rows] == ["1", "2", "true", "1.0"]


def test_integer_labels_stay_integers_where_pandas_made_them_floats(tmp_path: Path) -> None:
    table = pa.table({"text": ["one", "two", "three"], "label": [0.0, None, 2.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert [row.label for row in _read(tmp_path / "a.parquet")[1]] == ["0", "2"]


def test_class_names_of_a_hugging_face_dataset_are_read_from_its_schema(tmp_path: Path) -> None:
    features = {"label": {"names": ["off", "on"], "_type": "ClassLabel"}}
    described = json.dumps({"info": {"features": features}})
    table = pa.table({"text": ["one", "two", "three"], "label": [1, 0, -1]})
    pq.write_table(
        table.replace_schema_metadata({"huggingface": described}), tmp_path / "a.parquet"
    )
    assert [row.label for row in _read(tmp_path / "a.parquet")[1]] == ["on", "off"]


@pytest.mark.parametrize(("twice", "code"), [("other", None), ("label", "column-ambiguous")])
def test_columns_of_one_name_matter_only_where_they_are_read(
    tmp_path: Path, twice: str, code: str | None
) -> None:
    table = pa.table([["a"], ["x"], ["y"], ["z"]], names=["text", "label", twice, twice])
    pq.write_table(table, tmp_path / "a.parquet")
    if code:
        assert _refusal(tmp_path / "a.parquet").code == code
    else:
        assert _read(tmp_path / "a.parquet")[1] == [TextRow(1, "a", "x")]


@pytest.mark.parametrize("described", [{"info": {"features": [1]}}, {"info": [1]}, [], None])
def test_a_description_of_another_kind_in_the_schema_is_ignored(
    tmp_path: Path, described: Any
) -> None:
    metadata = {"huggingface": json.dumps(described)}
    table = pa.table({"text": ["a"], "label": ["x"]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "a.parquet")
    assert _read(tmp_path / "a.parquet")[1] == [TextRow(1, "a", "x")]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_another_encoding_is_refused_with_the_place(tmp_path: Path, name: str) -> None:
    content = '{"text": "Tür", "label": "x"}\n' if name == "a.jsonl" else "text,label\nTür,x\n"
    refusal = _refusal(_write(tmp_path / name, content.encode("latin-1")))
    assert refusal.code == "encoding-not-utf-8"
    assert "`iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE`" in refusal.advice
    offset = content.index("ü")
    assert refusal.fields["byte_offset"] == offset
    assert refusal.fields["line"] == content.count("\n", 0, offset) + 1
    assert "0xFC" in refusal.message


def test_utf_16_is_read_with_its_mark_and_named_in_the_refusal_without(tmp_path: Path) -> None:
    _, rows = _read(_write(tmp_path / "b.csv", "text,label\nja 😀,x\n".encode("utf-16")))
    assert rows == [TextRow(1, "ja 😀", "x")]
    refusal = _refusal(_write(tmp_path / "a.csv", "text,label\nja,x\n".encode("utf-16-le")))
    assert refusal.code == "encoding-not-utf-8"
    assert "UTF-16" in refusal.message


@pytest.mark.parametrize("content", ["text,label\n", "text,label\n,\n\n", "text,label"])
def test_a_file_without_a_usable_row_is_refused(tmp_path: Path, content: str) -> None:
    assert _refusal(_write(tmp_path / "a.csv", content)).code == "no-usable-rows"


def test_a_file_that_is_no_dataset_is_refused_with_what_is_taken(tmp_path: Path) -> None:
    empty = _refusal(_write(tmp_path / "a.csv", b""))
    binary = _refusal(_write(tmp_path / "a.pkl", b"\x80\x04\x95\x00\x00\x00K\x01."))
    assert (empty.code, binary.code) == ("dataset-format-unknown",) * 2
    assert "JSONL" in binary.advice


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    whole = a_parquet(tmp_path / "a.parquet").read_bytes()
    assert _refusal(_write(tmp_path / "b.parquet", whole[:-20])).code == "file-damaged"
    holed = whole[:20] + b"\xff" * 200 + whole[220:]
    assert _refusal(_write(tmp_path / "c.parquet", holed)).code == "file-damaged"


def test_a_label_column_of_free_text_is_refused(tmp_path: Path) -> None:
    rows = [(f"text {i}", f"label {i}", "") for i in range(2001)]
    assert _refusal(a_csv(tmp_path / "a.csv", rows)).code == "too-many-labels"


def test_texts_sent_as_images_are_refused(tmp_path: Path) -> None:
    file = a_csv(tmp_path / "a.csv", labelled_rows(6))
    assert _refusal(file, kind=DatasetKind.IMAGES).code == "dataset-kind-differs"
