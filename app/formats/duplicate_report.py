"""Inputs that occur more than once, and those of them that carry different labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

_SHOWN = 10


def report_duplicates(rows: Iterable[tuple[int, Hashable, str]]) -> dict[str, Any]:
    """From (row number, input, label): exact duplicates, by groups of equal inputs.

    `extra_rows` are those beyond the first of each group; `conflicts` lists the row numbers and
    labels of up to ten groups that carry different labels, `conflicting` counts all such groups.
    """
    alike: defaultdict[Hashable, list[tuple[int, str]]] = defaultdict(list)
    for number, key, label in rows:
        alike[key].append((number, label))
    groups = [members for members in alike.values() if len(members) > 1]
    conflicting = [members for members in groups if len({label for _, label in members}) > 1]
    return {
        "groups": len(groups),
        "extra_rows": sum(len(members) - 1 for members in groups),
        "conflicting": len(conflicting),
        "conflicts": [_describe(members) for members in conflicting[:_SHOWN]],
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


def _describe(members: list[tuple[int, str]]) -> dict[str, Any]:
    shown = members[:_SHOWN]
    return {"rows": [row for row, _ in shown], "labels": [label for _, label in shown]}
