"""Whether the advice on further labels and on abstaining holds."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    labels, hand = data["labels"], data["rows_at_hand"]
    return f"""## Advice: further labels, and when not to answer

`python -m benchmarks.advice --data FOLDER`. {conditions(data)}
Of these, {data["encoding_seconds"]} s went by until all vectors were there; `--vectors` had kept
those of an earlier run.

*Further labels.* From {hand} rows of a language (SIB-200, starter encoder, {data["seeds"]} samples
of each of {len(data["languages"])} languages) the learning curve says how many more are worth two
points of accuracy; the truth is looked up on up to {labels["looked_up_to"]} further rows. Told in
{labels["told"]} of {labels["pieces"]} cases; the 95% interval holds the truth in
{bracket(labels["covered"])} of them. The number told is off by a factor of
{labels["median_factor_off"]:.2f} (median); "as many as there are" by
{labels["baseline_factor_off"]:.2f}.

{_needs(data["languages"])}

*Abstaining.* A threshold chosen on half of the dev and test rows, checked on the other half.
`precision` counts the answers let through in all cases together; `broken` counts the cases in
which it was lower than wanted on those few rows, which for one in ten of all cases is what 90%
confidence allows. Answering everything is the baseline.

{_thresholds(data["abstention"])}"""


def _needs(languages: list[dict[str, Any]]) -> str:
    rows = []
    for language in languages:
        needed = language["needed"]
        told = sorted(
            advice["further_rows"] or float("inf")
            for advice in language["advised"]
            if advice["status"] == "given"
        )
        middle = f"{told[len(told) // 2]:.0f}" if told else "not told"
        truth = "more" if needed is None else f"{needed:.0f}"
        rows.append([language["language"], truth, middle, str(len(told))])
    return table(["language", "rows needed", "told (median)", "samples told"], rows)


def _thresholds(wanted: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{one['wanted']:.2f}",
            f"{one['told']} of {one['pieces']}",
            bracket(one["precision"]),
            f"{one['coverage']:.3f}",
            f"{round(one['told'] * (1 - one['held']['value']))} of {one['pieces']}",
            bracket(one["everything"]),
        ]
        for one in wanted
    ]
    heading = ["wanted", "promised", "precision", "coverage", "broken", "precision of all answers"]
    return table(heading, rows)
