"""What the reports of all datasets share: labels, duplicates, and an even sample of rows."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

_POINT_ZERO = re.compile(r"-?\d+\.0+")
_SHOWN = 10
Row = TypeVar("Row")


def report_labels(labels: Iterable[str]) -> dict[str, Any]:
    """`count`, `rows` of each, `smallest`, `largest`, `balance` and `variants`.

    `balance` is the entropy of the label shares divided by its greatest value: 1 when all
    labels have equally many rows, 0 when there is one label only. `variants` lists labels that
    differ by case, spaces or Unicode form alone.
    """
    rows = Counter(labels)
    ordered = {label: rows[label] for label in sort_labels(rows)}
    return {
        "count": len(rows),
        "rows": ordered,
        "smallest": min(rows.values()),
        "largest": max(rows.values()),
        "balance": round(_balance(list(rows.values())), 4),
        "variants": _variants(ordered),
    }


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Distinct labels: numbers by value when all are numbers, else by their characters."""
    distinct = set(labels)
    if all(label.isascii() and label.isdigit() for label in distinct):
        return tuple(sorted(distinct, key=lambda label: (int(label), label)))
    return tuple(sorted(distinct))


def note_labels(report: dict[str, Any]) -> list[str]:
    """Sentences on what the user should look at."""
    notes = [
        f"These labels may be one label: {', '.join(repr(label) for label in variants)}."
        for variants in report["variants"]
    ]
    if report["count"] == 1:
        notes.append("There is one label only: nothing can be learnt from this dataset alone.")
    if report["rows"] and all(_POINT_ZERO.fullmatch(label) for label in report["rows"]):
        first = next(iter(report["rows"]))
        notes.append(
            f"The labels are whole numbers with a point, such as {first!r}, as pandas writes a "
            "column with gaps. For a model whose labels have none, write them without or name "
            "them in `label_mapping`."
        )
    lone = [label for label, rows in report["rows"].items() if rows == 1]
    if lone:
        notes.append(f"{len(lone)} label(s) have one row only, such as {lone[0]!r}.")
    return notes


def _balance(rows: list[int]) -> float:
    if len(rows) == 1:
        return 0.0
    shares = [count / sum(rows) for count in rows]
    return -sum(share * math.log(share) for share in shares) / math.log(len(rows))


def _variants(labels: Iterable[str]) -> list[list[str]]:
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        folded = unicodedata.normalize("NFKC", label).casefold()
        spellings["".join(folded.split())].append(label)
    return [variants for variants in spellings.values() if len(variants) > 1]


def report_duplicates(rows: Iterable[tuple[int, Hashable, str]]) -> dict[str, Any]:
    """From (row number, input, label): exact duplicates, by groups of equal inputs.

    `extra_rows` are those beyond the first of each group; `conflicts` lists the row numbers and
    labels of up to ten groups that carry different labels, `conflicting` counts all such groups.
    """
    rows_by_input: defaultdict[Hashable, list[tuple[int, str]]] = defaultdict(list)
    for number, key, label in rows:
        rows_by_input[key].append((number, label))
    groups = [members for members in rows_by_input.values() if len(members) > 1]
    conflicting = [members for members in groups if len({label for _, label in members}) > 1]
    return {
        "groups": len(groups),
        "extra_rows": sum(len(members) - 1 for members in groups),
        "conflicting": len(conflicting),
        "conflicts": [_describe_group(members) for members in conflicting[:_SHOWN]],
    }


def note_duplicates(report: dict[str, Any]) -> list[str]:
    """Sentences on what the user should look at."""
    notes = []
    if report["extra_rows"]:
        notes.append(f"{report['extra_rows']} row(s) repeat an earlier input exactly.")
    if report["conflicting"]:
        rows = ", ".join(str(row) for row in report["conflicts"][0]["rows"])
        notes.append(
            f"{report['conflicting']} input(s) occur with different labels, first in rows {rows}."
        )
    return notes


def _describe_group(members: list[tuple[int, str]]) -> dict[str, Any]:
    shown = members[:_SHOWN]
    return {"rows": [row for row, _ in shown], "labels": [label for _, label in shown]}


def even_sample(rows: Sequence[Row], size: int) -> list[Row]:
    """At most `size` of the rows, evenly spread from the first on, in their order."""
    taken = min(size, len(rows))
    return [rows[i * len(rows) // taken] for i in range(taken)]
