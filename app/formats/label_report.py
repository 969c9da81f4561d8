"""Labels of a dataset: their order, their balance, and those that may be one label."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

_POINT_ZERO = re.compile(r"-?\d+\.0+")


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
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in labels:
        plain = unicodedata.normalize("NFKC", label).casefold()
        alike["".join(plain.split())].append(label)
    return [variants for variants in alike.values() if len(variants) > 1]
