"""Makes docs/results.md from the JSON files in `results/`.

python -m benchmarks.write_results
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS

TARGET = Path(__file__).parents[1] / "docs" / "results.md"
HEAD = """# Results

This file is made by `python -m benchmarks.write_results` from `benchmarks/results/`; do not edit
it. Each section names the script that took its figures. Brackets are 95% bootstrap intervals.
"""


def main() -> None:
    """Write the document; a section whose benchmark has not run says so."""
    writers = {"digits": _digits, "sib200": _sib200, "serving": _serving}
    parts = [HEAD]
    for name, write in writers.items():
        file = RESULTS / f"{name}.json"
        parts.append(write(json.loads(file.read_text())) if file.exists() else f"{name}: not run.")
    TARGET.write_text("\n\n".join(part.strip() for part in parts) + "\n")


def _digits(data: dict[str, Any]) -> str:
    steps = ", ".join(f"{n['scratch']} with {budget}" for budget, n in data["steps"].items())
    rows = []
    for script in data["scripts"]:
        for cell in script["cells"]:
            rows.append(_digit_row(script["script"], cell))
    table = _table(
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

`python -m benchmarks.digits --data FOLDER`, over HTTP. {_conditions(data)}

The seed network (two convolutions, 28 x 28) is trained on Latin digits and moved by `fine-tune`,
strategies `lp-ft` (first the head alone, then everything) and `full` (everything at once).
`scratch` draws every weight anew. All take the same number of steps ({steps}), with the same
batches and augmentation.
No validation rows, no early stopping: 10 per class means 10 labelled images per class in all.
{data["repeats"]} repeats with other samples and seeds, scored on the untouched test split.
{_digit_verdict(data)}

{table}"""


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
        _bracket(scores["transferred"]),
        f"{scores['source-model']['value']:.3f}",
        f"{scores['source-before']['value']:.4f}",
        f"{scores['source-after']['value']:.3f}",
        str(cell["seconds"]),
    ]


def _sib200(data: dict[str, Any]) -> str:
    tables = [_sib_budget(data, i) for i in range(len(data["languages"][0]["budgets"]))]
    return f"""## SIB-200: topics of sentences, starter encoder with an English head

`python -m benchmarks.sib200 --data FOLDER`. {_conditions(data)}

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
        zero_shot = _bracket(language["zero_shot"])
        rows.append(
            [language["language"], zero_shot, *(_bracket(cell[column]) for column in columns)]
        )
    cells = [language["budgets"][index] for language in data["languages"]]
    means = [_mean([language["zero_shot"] for language in data["languages"]])]
    means += [_mean([cell[column] for cell in cells]) for column in columns]
    rows.append(["mean", *means])
    labels = cells[0]["labels"]
    heading = ["language", "zero-shot", "TF-IDF", "fine-tune", "joint"]
    return f"\n### {labels} target labels\n\n{_table(heading, rows)}"


def _serving(data: dict[str, Any]) -> str:
    rows = [
        [name, *(str(data[key][q]) for q in ("median", "p99", "max"))]
        for name, key in (("prediction", "prediction_ms"), ("health", "health_ms"))
    ]
    return f"""## Serving while a transfer trains

`python -m benchmarks.serving --data FOLDER`. {_conditions(data)}

A first prediction that loads a digit model ({data["first_prediction_ms"]} ms), then
{data["predictions"]} predictions in a row, {data["lost"]} lost, and {data["health_checks"]} health
checks beside all of them, while a transfer trained on all processors (its state at the end:
{data["transfer_state_at_the_end"]}). Milliseconds as the client sees them:

{_table(["request", "median", "99th percentile", "maximum"], rows)}"""


def _conditions(data: dict[str, Any]) -> str:
    c = data["conditions"]
    return (
        f"{c['date']}, {c['cores']} cores, {c['device']}, Python {c['python']}, "
        f"torch {c['torch']}, {data.get('seconds', '-')} s in all."
    )


def _bracket(score: dict[str, float]) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def _mean(scores: list[dict[str, float]]) -> str:
    return f"{sum(score['value'] for score in scores) / len(scores):.3f}"


def _table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
