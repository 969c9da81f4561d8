"""Texts with any number of labels: from the files people have to the canonical table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import RejectedFile
from app.formats.read_dataset import read_dataset
from app.formats.tables.canonical import LabelSetRow, read_label_set_rows


def _read(file: Path, content: str, **hints: Any) -> tuple[dict[str, Any], list[LabelSetRow]]:
    file.write_text(content, encoding="utf-8")
    canonical = file.with_suffix(".canonical")
    facts = read_dataset(str(file), file.name, hints, "en", str(canonical), 10**8, 100)
    return facts, list(read_label_set_rows(canonical))


def _jsonl(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_lists_of_labels_are_recognised_and_a_row_may_have_none(tmp_path: Path) -> None:
    rows = [
        {"text": "rain and a win", "labels": ["weather", "sport"], "group": "a"},
        {"text": "nothing", "labels": [], "group": "b"},
        {"text": "nothing at all", "labels": None},
        {"text": " ", "labels": ["sport"]},
        {"text": "rain", "labels": ["weather", "weather"]},
    ]
    facts, read = _read(tmp_path / "a.jsonl", _jsonl(*rows))
    assert facts["kind"] == "multi_labelled"
    assert facts["labels"] == ["sport", "weather"]
    assert read == [
        LabelSetRow(1, "rain and a win", ["weather", "sport"], "a"),
        LabelSetRow(2, "nothing", [], "b"),
        LabelSetRow(3, "nothing at all", []),
        LabelSetRow(5, "rain", ["weather"]),
    ]
    report = facts["report"]
    assert report["labels"]["rows"] == {"sport": 1, "weather": 2}
    assert report["labels_per_row"] == {"without": 2, "mean": 0.75, "most": 2}
    assert report["empty"]["text"] == 1


def test_a_separator_divides_the_labels_of_a_cell(tmp_path: Path) -> None:
    content = "text,topics\nrain and a win,weather | sport\nnothing,\n"
    facts, rows = _read(tmp_path / "a.csv", content, label="topics", separator="|")
    assert facts["kind"] == "multi_labelled"
    assert [row.labels for row in rows] == [["weather", "sport"], []]


def test_one_text_where_a_list_should_stand_is_refused(tmp_path: Path) -> None:
    content = _jsonl({"text": "a", "labels": ["x", "z"]}, {"text": "b", "labels": "y"})
    with pytest.raises(RejectedFile, match="a text stands where a list"):
        _read(tmp_path / "a.jsonl", content)


@pytest.mark.parametrize(
    ("content", "hints"),
    [
        (_jsonl({"text": "a", "labels": [True, False]}, {"text": "b", "labels": None}), {}),
        (_jsonl({"text": "a", "labels": []}, {"text": "b", "labels": [0, 1, 1]}), {}),
        ("text,labels\na,1|0|1\nb,0 | 0 | 1\n", {"separator": "|"}),
    ],
)
def test_vectors_of_0_and_1_without_names_are_refused(
    tmp_path: Path, content: str, hints: dict[str, Any]
) -> None:
    with pytest.raises(RejectedFile, match="a vector of 0 and 1 stands there"):
        _read(tmp_path / ("a.csv" if hints else "a.jsonl"), content, **hints)


def test_numbers_of_classes_are_no_vectors_of_0_and_1(tmp_path: Path) -> None:
    rows = [{"text": str(n), "labels": labels} for n, labels in enumerate([[0, 1], [1], [0], []])]
    _, read = _read(tmp_path / "a.jsonl", _jsonl(*rows))
    assert [row.labels for row in read] == [["0", "1"], ["1"], ["0"], []]


def test_a_file_without_any_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        _read(tmp_path / "a.jsonl", _jsonl({"text": "a", "labels": []}))
    assert caught.value.code == "no-usable-rows"
