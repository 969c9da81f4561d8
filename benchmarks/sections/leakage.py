"""Leaks of test rows: translations found by vectors, near copies found by their text."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, mean, table

_NAMES = {"starter": "starter", "minilm": "English-only"}


def write(data: dict[str, Any]) -> str:
    """The section."""
    return f"""## Leaks: translations and near copies of test rows

`python -m benchmarks.leakage --data FOLDER`. {conditions(data)}
Of these, {data["encoding_seconds"]} s went by until all vectors were there; `--vectors` had kept
those of an earlier run.

Half of the 204 test rows of SIB-200 are planted among the training rows, {data["seeds"]} times:
in English for the search by vectors (mutual nearest neighbours that stand out by {data["clear"]}
once each language's mean is removed), and edited in the same language for the search by text
(cosine of character n-grams from {data["near"]} on). `found` of what was planted, `right` of what
was found, `false`: test rows accused where nothing was planted. Without a threshold: all mutual
nearest neighbours. `agreement`: how well the encoder relates the languages (agreement of labels
across them, within English, within the language). Where labels agree within each and not across
them (0.3) the service calls the encoder blind; where they do not even within, it says that labels
or encoder are at fault; both times it reports nothing.

### Translations

{_translations(data["translations"])}

### Planted truth

All 204 test rows leaked: how many are found, and whether the service would call an accuracy on the
others clean. Labels of the target rows shuffled: what it says of the encoder.{_taken(data)}

{_truth(data["translations"])}

The threshold was chosen on the dev rows, by the mean over languages with the starter encoder:

{_chosen(data["chosen_on_dev"])}

### Near copies

{_copies(data["near_copies"])}"""


def _translations(encoders: dict[str, list[dict[str, Any]]]) -> str:
    rows = []
    for encoder, languages in encoders.items():
        for cell in languages:
            rows.append(
                [
                    cell["language"],
                    _NAMES[encoder],
                    " / ".join(
                        f"{cell['agreement'][name]:.2f}"
                        for name in ("across", "in_source", "in_target")
                        if name in cell["agreement"]
                    ),
                    *(bracket(cell[name]) for name in ("found", "right", "false")),
                    *(bracket(cell["baseline"][name]) for name in ("found", "right")),
                ]
            )
        means = [mean([x[name] for x in languages]) for name in ("found", "right", "false")]
        means += [mean([x["baseline"][name] for x in languages]) for name in ("found", "right")]
        rows.append(["mean", _NAMES[encoder], "", *means])
    heading = ["language", "encoder", "agreement", "found", "right", "false"]
    return table([*heading, "found without threshold", "right without threshold"], rows)


def _taken(data: dict[str, Any]) -> str:
    truth = data.get("truth")
    if truth is None:
        return ""
    return f" Taken on {truth['date']} (`--truth-only`), {truth['seconds']} s; so is `agreement`."


def _truth(encoders: dict[str, list[dict[str, Any]]]) -> str:
    rows = []
    for encoder, languages in encoders.items():
        for cell in languages:
            if "all_leaked" not in cell:  # the encoder was not at hand for the last look
                continue
            leaked = cell["all_leaked"]
            rows.append(
                [
                    cell["language"],
                    _NAMES[encoder],
                    f"{leaked['touched']} of {leaked['rows']}",
                    "yes" if leaked["called_clean"] else "no",
                    _verdict(cell["agreement"]),
                    _verdict(cell["agreement_shuffled"]),
                ]
            )
    heading = ["language", "encoder", "found of all leaked", "others called clean"]
    return table([*heading, "said with right labels", "with shuffled labels"], rows)


def _verdict(agreement: dict[str, Any]) -> str:
    return (
        "blind"
        if agreement["languages_unaligned"]
        else "labels or encoder"
        if agreement["inconclusive"]
        else "sees"
    )


def _chosen(grid: list[dict[str, float]]) -> str:
    rows = [[str(x["threshold"]), f"{x['found']:.3f}", f"{x['right']:.3f}"] for x in grid]
    return table(["threshold", "found", "right"], rows)


def _copies(languages: list[dict[str, Any]]) -> str:
    names = ("found", "right", "false")
    rows = [[x["language"], *(bracket(x[name]) for name in names)] for x in languages]
    rows.append(["mean", *(mean([x[name] for x in languages]) for name in names)])
    return table(["language", *names], rows)
