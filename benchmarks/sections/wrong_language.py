"""Rows of another language: false alarms and finds."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, mean, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    columns = ("false_alarms", "baseline_false_alarms", "found", "baseline_found")
    rows = []
    for language in data["languages"]:
        for length in ("whole", "short"):
            cell = language[length]
            numbers = [bracket(cell[column]) for column in columns]
            rows.append([language["language"], length, str(cell["abstained"]), *numbers])
    for length in ("whole", "short"):
        cells = [language[length] for language in data["languages"]]
        rows.append(["mean", length, "", *(mean([c[column] for c in cells]) for column in columns)])
    cell = data["languages"][0]["whole"]
    heading = ["language", "rows", "not judged", "false alarms", "first answer", "found"]
    return f"""## Rows in another language

`python -m benchmarks.wrong_language --data FOLDER`. {conditions(data)}

The check of a dataset's rows (`docs/advice.md`) on SIB-200: shares of {cell["rows"]} rows of the
language itself that are called wrong (false alarms), and of {cell["planted"]} rows of the other
languages that are found when they are said to be in this one; whole sentences, and their first 40
characters. "First answer" is the baseline: what the identifier names first, without a threshold.
Rows too short to judge count as not found. Brackets are 95% Clopper-Pearson intervals.
{_all(data["all"])}

{table([*heading, "first answer"], rows)}"""


def _all(lengths: dict[str, Any]) -> str:
    said = [
        f"false alarms {cell['false_alarms']['value']:.5f} (at most "
        f"{cell['false_alarms']['high']:.5f}), found {cell['found']['value']:.3f} of {length} rows"
        for length, cell in lengths.items()
    ]
    return f"All languages together: {'; '.join(said)}."
