"""Rows as annotation tools export them, flattened to a text and the label that was chosen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import RowMalformed, SpansUnsupported
from app.formats.tables.raw_table import is_usual_name

Row = dict[str, Any]
REJECTED, IGNORED, SKIPPED, OPEN = "rejected", "ignored", "skipped", "not annotated"
DISAGREED = "labelled differently by its annotators"
_ANSWERS = {"accept": "", "reject": REJECTED, "ignore": IGNORED}
_COUNTED = ("submitted", "", None)
_ADVICE = "Export the annotations again, and send the file as the tool writes it."


@dataclass(frozen=True)
class _Annotated:
    """The fields of a row, and its labels by the name of their question or column.

    `unlabelled` gives the reasons why there is no label to use, by the same names; `left_out` why
    the whole row is not to be used; `open` that questions without a label were not answered at all.
    """

    fields: Row
    labels: Row = field(default_factory=dict)
    unlabelled: Mapping[str, str] = field(default_factory=dict)
    left_out: str = ""
    open: bool = False


@dataclass(frozen=True)
class FlattenedRows:
    """As many rows as the file has; `left_out` says by number which of them are not to be used.

    `unlabelled` says so for each column of labels, where only that column is not to be used.
    """

    rows: list[Row]
    details: dict[str, Any] = field(default_factory=dict)
    left_out: Mapping[int, str] = field(default_factory=dict)
    unlabelled: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def flatten_annotations(rows: list[Row], hints: DatasetHints) -> FlattenedRows:
    """The same rows where no tool is recognised; raises `SpansUnsupported` and `RowMalformed`."""
    for tool, recognises, flatten in _TOOLS:
        if any(recognises(row) for row in rows):
            found = [flatten(row, number) for number, row in enumerate(rows, start=1)]
            return _joined(found, hints, tool)
    for number, row in enumerate(rows, start=1):
        _refuse_spans(row, number)
    return FlattenedRows([_without_choices(row) for row in rows])


def _joined(found: list[_Annotated], hints: DatasetHints, tool: str) -> FlattenedRows:
    """Where there is one question, its labels are called `label` unless its name tells already.

    Every row has every column of labels, so that none falls back on a field of the same name.
    """
    columns = {name: name for one in found for name in one.labels}
    name = next(iter(columns), "")
    if len(columns) == 1 and name != hints.label and not is_usual_name("label", name):
        columns[name] = "label"
    rows = [
        one.fields | {column: one.labels.get(name) for name, column in columns.items()}
        for one in found
    ]
    unlabelled: dict[str, dict[int, str]] = {}
    for number, one in enumerate(found, start=1):
        unanswered = [name for name in columns if one.open and one.labels.get(name) is None]
        for name, reason in (dict.fromkeys(unanswered, OPEN) | dict(one.unlabelled)).items():
            unlabelled.setdefault(columns.get(name, name), {})[number] = reason
    left_out = {number: one.left_out for number, one in enumerate(found, start=1) if one.left_out}
    return FlattenedRows(rows, {"annotations": tool}, left_out, unlabelled)


def _object(value: Any, number: int, name: str) -> Row:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RowMalformed(number, name, "no object stands there", _ADVICE)
    return value


def _list(value: Any, number: int, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowMalformed(number, name, "no list stands there", _ADVICE)
    return value


def _is_label_studio(row: Row) -> bool:
    return isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list)


def _label_studio(row: Row, number: int) -> _Annotated:
    fields = _object(row.get("data"), number, "data")
    annotations = [one for one in _list(row.get("annotations"), number, "annotations") if one]
    annotations = [_object(one, number, "annotations") for one in annotations]
    kept = [one for one in annotations if not one.get("was_cancelled")]
    kept = [one for one in kept if one.get("ground_truth")] or kept
    chosen = [_choices(_list(one.get("result"), number, "result"), number) for one in kept]
    questions = dict.fromkeys(name for one in chosen for name in one)
    values = {name: [one.get(name, []) for one in chosen] for name in questions}
    return _Annotated(
        fields,
        {name: answers[0] for name, answers in values.items()},
        {name: DISAGREED for name, answers in values.items() if _differ(answers)},
        SKIPPED if annotations and not kept else "",
        open=not annotations,
    )


def _choices(results: list[Any], number: int) -> dict[str, list[Any]]:
    """The labels by the name of the control with which they were chosen."""
    found: dict[str, list[Any]] = {}
    for result in results:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict):
            continue
        if "start" in value or "end" in value:
            raise SpansUnsupported(number)
        labels = _list(value.get("choices") or value.get("taxonomy"), number, "choices")
        if labels:
            found.setdefault(str(result.get("from_name", "label")), []).extend(labels)
    return found


def _differ(answers: Iterable[Any]) -> bool:
    """Whether answers are not all one; the order of several labels does not count."""
    return len({_comparable(answer) for answer in answers}) > 1


def _comparable(answer: Any) -> Any:
    parts = answer if isinstance(answer, list) else [answer]
    return frozenset(json.dumps(part, sort_keys=True) for part in parts)


def _is_argilla(row: Row) -> bool:
    return isinstance(row.get("fields"), dict) and isinstance(row.get("responses"), dict | list)


def _argilla(row: Row, number: int) -> _Annotated:
    responses = row.get("responses")
    answers = responses if isinstance(responses, dict) else {}
    return _answered(_object(row.get("fields"), number, "fields"), answers, number)


def _is_argilla_table(row: Row) -> bool:
    """Its export to Hugging Face datasets: a list of answers in a column for each question."""
    if any(name.endswith(".responses") for name in row):
        return True
    return any(_are_answers(cell) for cell in row.values())


def _are_answers(cell: Any) -> bool:
    return (
        isinstance(cell, list)
        and bool(cell)
        and all(isinstance(one, dict) and {"value", "user_id"} <= set(one) for one in cell)
    )


def _argilla_table(row: Row, number: int) -> _Annotated:
    fields: Row = {}
    answers: Row = {}
    for name, cell in row.items():
        question = name.removesuffix(".responses")
        if question != name:
            values = _list(cell, number, name)
            states = _list(row.get(f"{name}.status"), number, f"{name}.status") or [None] * len(
                values
            )
            answers[question] = [
                {"value": value, "status": status}
                for value, status in zip(values, states, strict=False)
            ]
        elif _are_answers(cell):
            answers[name] = cell
        elif not any(part in name for part in (".responses.", ".suggestion")):
            fields[name] = cell
    return _answered(fields, answers, number)


def _answered(fields: Row, answers: Row, number: int) -> _Annotated:
    """The value of each question that all submitted answers have, None where there is none."""
    labels: Row = {}
    reasons: dict[str, str] = {}
    for name, cell in answers.items():
        responses = [_object(one, number, name) for one in _list(cell, number, name)]
        values = [one.get("value") for one in responses if one.get("status") in _COUNTED]
        labels[name] = values[0] if values else None
        if responses and not values:
            reasons[name] = SKIPPED
        if _differ(values):
            reasons[name] = DISAGREED
    skipped = SKIPPED in reasons.values() and all(label is None for label in labels.values())
    return _Annotated(fields, labels, reasons, SKIPPED if skipped else "", open=True)


def _is_prodigy(row: Row) -> bool:
    answer = row.get("answer")
    known = isinstance(answer, str) and answer in _ANSWERS
    return known and bool({"_task_hash", "_input_hash"} & set(row))


def _prodigy(row: Row, number: int) -> _Annotated:
    """Its single label, its choices (`accept`), or the tags of its tokens."""
    fields = dict(row["meta"]) if isinstance(row.get("meta"), dict) else {}
    fields["text"] = row.get("text")
    label = row["accept"] if isinstance(row.get("accept"), list) else row.get("label")
    labels = {"label": label}
    spans = row.get("spans")
    if isinstance(spans, list) and isinstance(row.get("tokens"), list) and (spans or not label):
        fields |= _tagged(row["tokens"], spans, number)
        labels = {}
    elif spans and not label:
        raise SpansUnsupported(number)
    reason = _ANSWERS.get(str(row.get("answer", "accept")), IGNORED)
    if reason == REJECTED:
        # What is wrong is the annotation: the text can still be used without it.
        return _Annotated(fields, labels, {"label": reason, "tags": reason})
    return _Annotated(fields, labels, left_out=reason)


def _tagged(tokens: list[Any], spans: list[Any], number: int) -> Row:
    """Words and their tags; a token of white space alone is no word."""
    words = [_object(token, number, "tokens").get("text") for token in tokens]
    tags = ["O"] * len(tokens)
    kept = [place for place, word in enumerate(words) if isinstance(word, str) and word.strip()]
    for span in spans:
        first, last, label = _bounds(_object(span, number, "spans"), len(tokens), number)
        places = [place for place in kept if first <= place <= last]
        for place in places:
            tags[place] = f"{'B' if place == places[0] else 'I'}-{label}"
    return {"tokens": [words[place] for place in kept], "tags": [tags[place] for place in kept]}


def _bounds(span: Row, tokens: int, number: int) -> tuple[int, int, str]:
    """The first and the last token of a span of tokens, and its label."""
    first, last, label = span.get("token_start"), span.get("token_end"), span.get("label")
    if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last < tokens):
        raise SpansUnsupported(number)
    if not isinstance(label, str) or not label:
        raise RowMalformed(number, "spans", "a span has no label", _ADVICE)
    return first, last, label


def _without_choices(row: Row) -> Row:
    """Label Studio's JSON-MIN writes several choices of one row as `{"choices": [...]}`."""
    return {
        name: cell["choices"] if isinstance(cell, dict) and set(cell) == {"choices"} else cell
        for name, cell in row.items()
    }


def _refuse_spans(row: Row, number: int) -> None:
    """doccano's `[start, end, label]`, and Label Studio's JSON-MIN of the same."""
    for name in ("label", "labels", "entities", "spans"):
        cells = row.get(name)
        if isinstance(cells, list) and cells and all(_is_span(cell) for cell in cells):
            raise SpansUnsupported(number)


def _is_span(cell: Any) -> bool:
    if isinstance(cell, dict):
        return {"start", "end"} <= set(cell) or {"start_offset", "end_offset"} <= set(cell)
    return isinstance(cell, list) and len(cell) == 3 and all(isinstance(n, int) for n in cell[:2])


_TOOLS = (
    ("label-studio", _is_label_studio, _label_studio),
    ("argilla", _is_argilla, _argilla),
    ("argilla", _is_argilla_table, _argilla_table),
    ("prodigy", _is_prodigy, _prodigy),
)
