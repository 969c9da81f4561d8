"""SIB-200 by number of labels."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, mean, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    tables = [_sib_budget(data, i) for i in range(len(data["languages"][0]["budgets"]))]
    return f"""## SIB-200: topics of sentences, starter encoder with an English head

`python -m benchmarks.sib200 --data FOLDER`. {conditions(data)}

Accuracy on {data["test_rows"]} untouched test rows per language, mean of {data["seeds"]} seeds
(other samples of labels, other initial heads); intervals over rows and seeds. The body of the
encoder is frozen (strategy `head`). Zero-shot uses no target label. `fine-tune` continues the
English head on the target labels; `joint` mixes them with the 701 English training sentences.
TF-IDF + logistic regression is fitted on the same target labels. With all labels the 99 dev rows
decide when to stop; with fewer there are no validation rows.

{chr(10).join(tables)}"""


def _sib_budget(data: dict[str, Any], index: int) -> str:
    rows, columns = [], ("tfidf", "fine-tune", "joint")
    for language in data["languages"]:
        cell = language["budgets"][index]
        zero_shot = bracket(language["zero_shot"])
        rows.append(
            [language["language"], zero_shot, *(bracket(cell[column]) for column in columns)]
        )
    cells = [language["budgets"][index] for language in data["languages"]]
    means = [mean([language["zero_shot"] for language in data["languages"]])]
    means += [mean([cell[column] for cell in cells]) for column in columns]
    rows.append(["mean", *means])
    labels = cells[0]["labels"]
    heading = ["language", "zero-shot", "TF-IDF", "fine-tune", "joint"]
    return f"\n### {labels} target labels\n\n{table(heading, rows)}"
