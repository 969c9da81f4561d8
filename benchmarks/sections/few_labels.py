"""SIB-200 with few target labels."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table

_COLUMNS = (
    "zero-shot",
    "bridge",
    "self-train, no labels",
    "linear-probe",
    "head",
    "fine-tune",
    "tuned regression",
    "joint",
    "self-train",
    "auto",
)


def write(data: dict[str, Any]) -> str:
    """The section."""
    verdict = data["verdict"]
    lines = "\n".join(f"- {line}" for line in verdict["lines"])
    spreads = [[x, *_cells(verdict["spreads"][x])] for x in verdict["spreads"]]
    seconds = verdict["spreads"]["par"]
    spreads.append(
        ["seconds each", *(str(seconds.get(x, {}).get("seconds", "")) for x in _COLUMNS)]
    )
    budgets = [[f"{x}", *_cells(verdict["budgets"][x])] for x in verdict["budgets"]]
    return f"""## SIB-200 with few target labels

`python -m benchmarks.few_labels --data FOLDER --vectors FILE --lines FILE`. {conditions(data)}

Accuracy on untouched test rows, the mean of {data["languages"]} languages and {data["samples"]}
samples, with 95% bootstrap intervals that draw sentences, which are the same in every language. The
body of the starter encoder is frozen; the source model's head is a logistic regression on English.
{data["labels"]} labels are drawn from the target's dev rows; its train rows are text without
labels. Settings were chosen on train and dev rows; the test rows were read once.

- `par`: the text translates the English rows, so that its label shares are the source's.
- `half`: English is one half of the train split, the text the other half of the sentences.
- `shift-u`: `half`, and of the text's three commonest labels all rows but a tenth are left out.
- `shift-t`: the same of the text, the labels and the test rows.

`tuned regression` is what `auto` has to beat: logistic regression on the English and the labelled
rows together, vectors centred by language and of length 1, penalty and weight chosen by
cross-validation. `fine-tune` and `joint` use the strategy `logistic`; `head` and `linear-probe` are
strategies of `fine-tune`.

{lines}

{table(["spread", *_COLUMNS], spreads)}

By the number of labels, under `par` (beyond the dev rows they are drawn from the train rows, which
translate the source rows):

{table(["labels", *_COLUMNS], budgets)}

By language, `half`:

{table(["language", *_BY_LANGUAGE], _languages(verdict))}

`auto` chose {_chosen(verdict["chosen"])}."""


_BY_LANGUAGE = ("zero-shot", "tuned regression", "self-train", "auto", "auto - zero-shot")


def _cells(found: dict[str, dict[str, float]]) -> list[str]:
    return [bracket(found[x]) if x in found else "" for x in _COLUMNS]


def _languages(verdict: dict[str, Any]) -> list[list[str]]:
    return [
        [name, *(bracket(found[x]) if x in found else "" for x in _BY_LANGUAGE)]
        for name, found in verdict["languages"]["half"].items()
    ]


def _chosen(chosen: dict[str, dict[str, int]]) -> str:
    names = sorted({name for counts in chosen.values() for name in counts})
    counts = {name: sum(found.get(name, 0) for found in chosen.values()) for name in names}
    return ", ".join(f"`{name}` {count} times" for name, count in counts.items())
