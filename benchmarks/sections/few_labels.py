"""SIB-200 with 32 target labels."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, mean, table

_COLUMNS = (
    "zero-shot",
    "target-only TF-IDF",
    "target-only head",
    "fine-tune",
    "joint",
    "self-train",
    "auto",
)


def write(data: dict[str, Any]) -> str:
    """The section."""
    languages = data["languages"]
    rows = [_row(language) for language in languages]
    rows.append(["mean", *(mean([x["scores"][c] for x in languages]) for c in _COLUMNS)])
    rows.append(["seconds each", *(_seconds(languages, column) for column in _COLUMNS)])
    lines = "\n".join(f"- {line}" for line in data["verdict"]["lines"])
    return f"""## SIB-200 with {data["labels"]} target labels

`python -m benchmarks.few_labels --data FOLDER`. {conditions(data)}

Accuracy on {data["test_rows"]} untouched test rows per language, mean of {data["samples"]} samples
of {data["labels"]} labels, with an interval over rows and samples and ± the standard deviation over
samples. The body of the starter encoder is frozen; the source model's head is trained on English
train, another one for each sample. The labels are drawn from the target's dev rows, since its train
rows are translations of what the source model was trained on; the train rows are given as text
without labels, and `joint`, `self-train` and `auto` have the 701 English training sentences.
Those texts are translations of the English sentences, so that labels are spread in both alike,
which a user's own texts need not be: what `self-train` gains here is on the generous side.
`fine-tune` and `joint` use the strategy `logistic`. Target-only means the {data["labels"]} labels
alone: TF-IDF with logistic regression, and a fresh head on the same frozen encoder. Settings were
chosen on dev rows.

{lines}

{table(["language", *_COLUMNS], rows)}

`auto` chose {_chosen(languages)}."""


def _row(language: dict[str, Any]) -> list[str]:
    cells = [_cell(language["scores"][column]) for column in _COLUMNS]
    return [language["language"], *cells]


def _cell(score: dict[str, float]) -> str:
    return f"{bracket(score)} ± {score['sd']:.3f}"


def _seconds(languages: list[dict[str, Any]], column: str) -> str:
    found = [language["seconds"][column] for language in languages if column in language["seconds"]]
    return f"{sum(found) / len(found):.1f}" if found else ""


def _chosen(languages: list[dict[str, Any]]) -> str:
    names = [name for language in languages for name in language["chosen"]]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return ", ".join(f"`{name}` {count} times" for name, count in counts.items())
