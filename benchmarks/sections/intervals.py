"""How often intervals hold the truth."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    return f"""## Intervals: how often they hold the truth

`python -m benchmarks.intervals`. {conditions(data)}

What a 95% interval of the service holds, where answers are drawn from a known truth; decision 30
says how it is made. Accuracies lie evenly from 0.5 to 1: the mean coverage over them, and the
least at any one. The percentile bootstrap over rows, which was used before, stands beside it.

### Independent rows

Computed exactly for 1,000 accuracies.

{_independent(data["independent"])}

### Grouped rows

{data["draws"]} draws of each of 40 accuracies. Any two rows of a group agree with the given
correlation, drawn in two ways: each group has an accuracy of its own (beta), or rows copy one
answer of their group (copies). At a correlation of 1 a group is one text said several times.
The bootstrap takes rows for independent. Below 6 groups no interval is given.

{_grouped(data["grouped"])}

### Other measures

Five labels of 40% to 5% of the rows, four labels of 50% to 10%, sentences of ten words;
{2 * data["draws"]} draws, the truth being that of 50,000 rows. The calibration error is biased
upwards on few rows, and its interval with it.

{_measures(data["measures"])}

### Differences between two models

{5 * data["draws"]} draws: two models of 60% that are right together half of the time, and one of
80% beside one of 60%. `won`: how often the whole interval lies above zero, and so "beats" is said;
where there is no difference 2.5% is what may be. The bootstrap takes rows for independent.

{_paired(data["paired"])}"""


def _independent(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            str(one["rows"]),
            f"{one['mean']:.3f}",
            f"{one['least']:.3f} at {one['least_at']:.3f}",
            f"{one['width']:.3f}",
            f"{one['bootstrap']['mean']:.3f}",
            f"{one['bootstrap']['least']:.3f} at {one['bootstrap']['least_at']:.3f}",
        ]
        for one in rows
    ]
    heading = ["rows", "mean", "least", "mean width", "bootstrap: mean", "bootstrap: least"]
    return table(heading, lines)


def _grouped(cells: list[dict[str, Any]]) -> str:
    lines = [
        [
            str(one["clusters"]),
            one["sizes"],
            f"{one['correlation']:.1f}",
            one["drawn"],
            f"{one['mean']:.3f}",
            f"{one['least']:.3f} at {one['least_at']:.3f}",
            f"{one['bootstrap']['mean']:.3f}",
        ]
        for one in cells
    ]
    heading = ["groups", "rows", "correlation", "drawn", "mean", "least", "bootstrap: mean"]
    return table(heading, lines)


def _measures(cells: list[dict[str, Any]]) -> str:
    names = [name for one in cells for name in one if name not in ("task", "rows")]
    rows = sorted({one["rows"] for one in cells})
    lines = []
    for task in dict.fromkeys(one["task"] for one in cells):
        mine = {one["rows"]: one for one in cells if one["task"] == task}
        for name in dict.fromkeys(name for name in names if name in mine[rows[0]]):
            lines.append([task, name, *(f"{mine[count][name]:.3f}" for count in rows)])
    return table(["task", "measure", *(f"{count} rows" for count in rows)], lines)


def _paired(cells: list[dict[str, Any]]) -> str:
    lines = []
    for one in cells:
        none, some = one["none"], one["twenty_points"]
        lines.append(
            [
                f"{one['groups']} x {one['rows_each']}",
                f"{none['held']:.3f}",
                f"{none['won']:.3f}",
                f"{none['won_by_bootstrap']:.3f}",
                f"{some['held']:.3f}",
                f"{some['won']:.3f}",
                f"{some['won_by_bootstrap']:.3f}",
            ]
        )
    heading = ["groups x rows", "0 points: held", "won", "won by bootstrap"]
    return table([*heading, "20 points: held", "won", "won by bootstrap"], lines)
