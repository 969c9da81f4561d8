"""Rows as tools of annotation export them, made plain: a text, and the label somebody chose.

Read are Label Studio (JSON and JSON-MIN), Argilla (records and the Hugging Face export), Prodigy
and doccano. What an annotator skipped or rejected is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import SpansUnsupported
from app.formats.tables.columns import is_usual

Row = dict[str, Any]
REJECTED, IGNORED, SKIPPED = "rejected", "ignored", "skipped"
DISAGREED = "labelled differently by its annotators"
_ANSWERS = {"accept": "", "reject": REJECTED, "ignore": IGNORED}
_COUNTED = ("submitted", "", None)
Parts = tuple[Row, Row]  # the fields of a row, and its labels by the name of their question


@dataclass(frozen=True)
class PlainRows:
    """As many rows as the file has; `left_out` says by number which of them are not to be used."""

    rows: list[Row]
    details: dict[str, Any] = field(default_factory=dict)
    left_out: Mapping[int, str] = field(default_factory=dict)


def flatten_annotations(rows: list[Row], hints: DatasetHints) -> PlainRows:
    """The same rows where no tool is recognised; raises `SpansUnsupported`."""
    for tool, recognises, flatten in _TOOLS:
        if any(recognises(row) for row in rows):
            left_out: dict[int, str] = {}
            parts = [flatten(row, number, left_out) for number, row in enumerate(rows, start=1)]
            return PlainRows(_joined(parts, hints), {"annotations": tool}, left_out)
    for number, row in enumerate(rows, start=1):
        _refuse_spans(row, number)
    return PlainRows([_without_choices(row) for row in rows])


def _joined(parts: list[Parts], hints: DatasetHints) -> list[Row]:
    """Where there is one column of labels, it is called `label` unless its name tells already."""
    names = {name for _, labels in parts for name in labels}
    name = next(iter(names), "")
    if len(names) != 1 or name == hints.label or is_usual("label", name):
        return [fields | labels for fields, labels in parts]
    return [
        fields | ({"label": labels[name]} if name in labels else {}) for fields, labels in parts
    ]


def _is_label_studio(row: Row) -> bool:
    return isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list)


def _label_studio(row: Row, number: int, left_out: dict[int, str]) -> Parts:
    plain = dict(row.get("data") or {})
    done = [one for one in row.get("annotations") or () if isinstance(one, dict)]
    kept = [one for one in done if not one.get("was_cancelled")]
    kept = [one for one in kept if one.get("ground_truth")] or kept
    if done and not kept:
        left_out[number] = SKIPPED
    chosen = [_choices(one.get("result") or [], number) for one in kept]
    if any(one != chosen[0] for one in chosen):
        left_out[number] = DISAGREED
    return plain, chosen[0] if chosen else {}


def _choices(results: list[Any], number: int) -> dict[str, list[Any]]:
    """The labels by the name of the control with which they were chosen."""
    found: dict[str, list[Any]] = {}
    for result in results:
        value = result.get("value") if isinstance(result, dict) else None
        if not isinstance(value, dict):
            continue
        if "start" in value or "end" in value:
            raise SpansUnsupported(number)
        labels = value.get("choices") or value.get("taxonomy") or []
        if labels:
            found.setdefault(str(result.get("from_name", "label")), []).extend(labels)
    return found


def _is_argilla(row: Row) -> bool:
    return isinstance(row.get("fields"), dict) and isinstance(row.get("responses"), dict | list)


def _argilla(row: Row, number: int, left_out: dict[int, str]) -> Parts:
    plain = dict(row.get("fields") or {})
    responses = row.get("responses")
    if not isinstance(responses, dict):
        return plain, {}
    return plain, {name: _agreed(answers, number, left_out) for name, answers in responses.items()}


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


def _argilla_table(row: Row, number: int, left_out: dict[int, str]) -> Parts:
    plain: Row = {}
    labels: Row = {}
    for name, cell in row.items():
        question = name.removesuffix(".responses")
        if question != name:
            states = row.get(f"{name}.status") or [None] * len(cell or [])
            answers = [
                {"value": value, "status": status}
                for value, status in zip(cell or [], states, strict=False)
            ]
            labels[question] = _agreed(answers, number, left_out)
        elif _are_answers(cell):
            labels[name] = _agreed(cell, number, left_out)
        elif not any(part in name for part in (".responses.", ".suggestion")):
            plain[name] = cell
    return plain, labels


def _agreed(answers: Any, number: int, left_out: dict[int, str]) -> Any:
    """The value that all submitted answers have, None where there is none."""
    given = [one for one in answers or () if isinstance(one, dict)]
    values = [one.get("value") for one in given if one.get("status") in _COUNTED]
    if given and not values:
        left_out[number] = SKIPPED
    if any(value != values[0] for value in values):
        left_out[number] = DISAGREED
    return values[0] if values else None


def _is_prodigy(row: Row) -> bool:
    return row.get("answer") in _ANSWERS and bool({"_task_hash", "_input_hash"} & set(row))


def _prodigy(row: Row, number: int, left_out: dict[int, str]) -> Parts:
    """Its single label, its choices (`accept`), or the tags of its tokens."""
    if why := _ANSWERS.get(str(row.get("answer", "accept")), IGNORED):
        left_out[number] = why
    plain = dict(row["meta"]) if isinstance(row.get("meta"), dict) else {}
    if isinstance(row.get("spans"), list) and isinstance(row.get("tokens"), list):
        return plain | _tagged(row["tokens"], row["spans"], number), {}
    if row.get("spans"):
        raise SpansUnsupported(number)
    plain["text"] = row.get("text")
    return plain, {
        "label": row["accept"] if isinstance(row.get("accept"), list) else row.get("label")
    }


def _tagged(tokens: list[Any], spans: list[Any], number: int) -> Row:
    """Words and their tags; a token of white space alone is no word."""
    tags = ["O"] * len(tokens)
    for span in spans:
        first, last = span.get("token_start"), span.get("token_end")
        if not (
            isinstance(first, int) and isinstance(last, int) and 0 <= first <= last < len(tags)
        ):
            raise SpansUnsupported(number)
        tags[first : last + 1] = [f"I-{span['label']}"] * (last - first + 1)
        tags[first] = f"B-{span['label']}"
    words = [str(token.get("text")) for token in tokens]
    kept = [place for place, word in enumerate(words) if word.strip()]
    return {"tokens": [words[place] for place in kept], "tags": [tags[place] for place in kept]}


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
