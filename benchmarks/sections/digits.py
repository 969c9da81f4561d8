"""Digits of one script to another."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    steps = ", ".join(f"{n['scratch']} with {budget}" for budget, n in data["steps"].items())
    rows = []
    for script in data["scripts"]:
        for cell in script["cells"]:
            rows.append(_digit_row(script["script"], cell))
    cells = table(
        [
            "script",
            "training images",
            "start",
            "mean accuracy",
            "each repeat",
            "interval of the registered model",
            "untouched",
            "Latin before",
            "Latin after",
            "seconds",
        ],
        rows,
    )
    return f"""## Digits: Latin to other scripts

`python -m benchmarks.digits --data FOLDER`, over HTTP. {conditions(data)}

The seed network (two convolutions, 28 x 28) is trained on Latin digits and moved by `fine-tune`,
strategies `lp-ft` (first the head alone, then everything) and `full` (everything at once).
`scratch` draws every weight anew. All take the same number of steps ({steps}), with the same
batches and augmentation.
No validation rows, no early stopping: 10 per class means 10 labelled images per class in all.
{data["repeats"]} repeats with other samples and seeds, scored on the untouched test split.
{_digit_verdict(data)}

{cells}"""


def _digit_verdict(data: dict[str, Any]) -> str:
    means: dict[str, list[float]] = {}
    for script in data["scripts"]:
        for cell in script["cells"]:
            means.setdefault(cell["strategy"], []).append(cell["spread"]["mean"])
    scratch = means.pop("scratch")
    won = [
        f"that of `{name}` in {sum(x > y for x, y in zip(each, scratch, strict=True))}"
        for name, each in means.items()
    ]
    return f"Of {len(scratch)} means, {' and '.join(won)} are above that of `scratch`."


def _digit_row(script: str, cell: dict[str, Any]) -> list[str]:
    accuracy, scores = cell["spread"], cell["evaluations"]
    return [
        script,
        cell["budget"],
        cell["strategy"],
        f"{accuracy['mean']:.4f} ± {accuracy['sd']:.4f}",
        ", ".join(f"{value:.4f}" for value in accuracy["each"]),
        bracket(scores["transferred"]),
        f"{scores['source-model']['value']:.3f}",
        f"{scores['source-before']['value']:.4f}",
        f"{scores['source-after']['value']:.3f}",
        str(cell["seconds"]),
    ]
