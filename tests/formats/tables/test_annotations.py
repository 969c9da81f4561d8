"""Exports of annotation tools: what of a row counts, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from app.domain.errors import RejectedFile
from app.formats.read_dataset import read_dataset

_PRODIGY = {"answer": "accept", "_task_hash": 1}


def _read(file: Path, rows: list[dict[str, Any]], **hints: Any) -> list[dict[str, Any]]:
    """The usable rows."""
    file.write_text(json.dumps(rows))
    canonical = file.with_suffix(".canonical")
    read_dataset(str(file), file.name, hints, "en", str(canonical), 10**8, 100)
    read: list[dict[str, Any]] = pq.read_table(canonical).to_pylist()
    return read


def _studio(*annotations: Any, **data: Any) -> dict[str, Any]:
    return {"data": {"text": "a"} | data, "annotations": list(annotations)}


def _choice(*labels: str, name: str = "topic") -> dict[str, Any]:
    return {"result": [{"from_name": name, "value": {"choices": list(labels)}}]}


def _argilla(**responses: Any) -> dict[str, Any]:
    return {"fields": {"text": "a"}, "responses": responses}


def _answer(value: Any, status: str = "submitted") -> dict[str, Any]:
    return {"value": value, "status": status}


def _tokens(*words: str, **span: Any) -> dict[str, Any]:
    tokens = [{"text": word, "id": place} for place, word in enumerate(words)]
    return _PRODIGY | {"text": " ".join(words), "tokens": tokens, "spans": [span] if span else []}


@pytest.mark.parametrize("control", ["topic", "stance", "label"])
def test_a_task_that_nobody_annotated_has_not_the_label_it_came_with(
    tmp_path: Path, control: str
) -> None:
    rows = [_studio(label="old"), _studio(_choice("new", name=control), label="old")]
    read = _read(tmp_path / "a.json", rows, label=control)
    assert [(row["row"], row["label"]) for row in read] == [(2, "new")]


def test_answers_that_one_annotator_discarded_leave_those_of_another_question(
    tmp_path: Path,
) -> None:
    rows = [_argilla(topic=[_answer("x")], quality=[_answer(1, "discarded")])]
    read = _read(tmp_path / "a.json", rows, label="topic")
    assert [row["label"] for row in read] == ["x"]


def test_several_labels_of_argilla_may_stand_in_another_order(tmp_path: Path) -> None:
    rows = [{"text": "a", "topic.responses": [["x", "y"], ["y", "x"]]}]
    assert _read(tmp_path / "a.json", rows)[0]["labels"] == ["x", "y"]


@pytest.mark.parametrize(("answer", "rows"), [("accept", [1]), ("reject", [1]), ("ignore", [])])
def test_a_rejected_label_says_nothing_about_the_text_by_itself(
    tmp_path: Path, answer: str, rows: list[int]
) -> None:
    sent = [_PRODIGY | {"text": "a", "label": "x", "answer": answer}]
    sent += [_PRODIGY | {"text": "b", "label": "x"}]
    read = _read(tmp_path / "a.json", sent, kind="unlabelled")
    assert [row["row"] for row in read] == [*rows, 2]


def test_an_entity_begins_at_its_first_word_where_a_space_is_a_token(tmp_path: Path) -> None:
    rows = [_tokens(" ", "Asha", "Rao", token_start=0, token_end=2, label="PER")]
    rows += [_tokens("Asha", "Rao", token_start=0, token_end=1, label="PER")]
    assert _read(tmp_path / "a.json", rows)[0]["tags"] == ["B-PER", "I-PER"]


def test_a_classification_of_prodigy_may_have_tokens_and_highlights(tmp_path: Path) -> None:
    highlight = {"start": 0, "end": 1, "label": "x"}
    rows = [_tokens("a") | {"label": "x"}]
    rows += [_PRODIGY | {"text": "b", "label": "y", "spans": [highlight]}]
    assert [row["label"] for row in _read(tmp_path / "a.json", rows)] == ["x", "y"]


def test_a_list_of_answers_to_a_question_is_no_annotation(tmp_path: Path) -> None:
    assert _read(tmp_path / "a.json", [{"text": "a", "answer": ["x"]}])[0]["label"] == "x"


_TASK, _RECORD = _studio(_choice("x")), _argilla(topic=[_answer("x")])
_TABLE, _SENTENCE = {"text": "a", "topic.responses": ["x"]}, _tokens("a")


@pytest.mark.parametrize(
    ("good", "damaged", "column"),
    [
        (_TASK, _studio(_choice("x"), 5), "annotations"),
        (_TASK, _TASK | {"annotations": 5}, "annotations"),
        (_TASK, _studio({"result": 5}), "result"),
        (_TASK, _studio({"result": [{"value": {"choices": 5}}]}), "choices"),
        (_TASK, _TASK | {"data": "a"}, "data"),
        (_RECORD, _argilla(topic=5), "topic"),
        (_RECORD, _argilla(topic=["x"]), "topic"),
        (_RECORD, _RECORD | {"fields": "a"}, "fields"),
        (_TABLE, _TABLE | {"topic.responses": "xy"}, "topic.responses"),
        (_TABLE, _TABLE | {"topic.responses.status": 5}, "topic.responses.status"),
        (_SENTENCE, _tokens("a", token_start=0, token_end=0), "spans"),
        (_SENTENCE, _SENTENCE | {"tokens": ["a"]}, "tokens"),
        (_SENTENCE, _SENTENCE | {"spans": ["a"]}, "spans"),
    ],
)
def test_a_damaged_export_is_refused_with_its_row_and_column(
    tmp_path: Path, good: dict[str, Any], damaged: dict[str, Any], column: str
) -> None:
    with pytest.raises(RejectedFile) as caught:
        _read(tmp_path / "a.json", [good, damaged])
    error = caught.value
    assert (error.code, error.fields["row"], error.fields["column"]) == ("row-malformed", 2, column)
