"""SIB-200 with the encoder's body trained."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table

_FULL = ("plain loop", "full", "lp-ft")
_BODY = ("logistic", "lp-ft", "lora")


def write(data: dict[str, Any]) -> str:
    """The section."""
    epochs = ", ".join(f"{n} labels {e}" for n, e in data["epochs"].items() if n != "0")
    return f"""## SIB-200 with the body of the encoder trained

`python -m benchmarks.body --data FOLDER --kept FOLDER`. {conditions(data)}

Accuracy on {data["test_rows"]} untouched test rows per language, one seed, with an interval over
rows. The source model is the starter encoder with a head trained on English. Labels are drawn from
the target's train rows, which are translations of the English training sentences. All sides compute
in bfloat16 with batches of 16; epochs: {epochs}. The plain loop is AdamW with linear warm-up and
decay and shuffled batches, from the same source model, with the rate (5e-5) and the steps of
`full`; `lora` has its default of at least 60 steps. A cell without a figure was not run: it
costs minutes on a CPU.

Full fine-tuning:

{_table(data, (32, 128, 701), _FULL)}

What the body adds to frozen vectors: `logistic` and `self-train head` leave the body as it is;
`self-train lora` makes one round of 40 steps on pseudo-labels and English rows.

{_without_labels(data)}

{_table(data, (32, 128, 701), _BODY)}"""


def _table(data: dict[str, Any], budgets: tuple[int, ...], methods: tuple[str, ...]) -> str:
    rows = []
    for labels in budgets:
        for language in data["languages"]:
            cells = [_cell(data, language, method, labels) for method in methods]
            if any(cells):
                rows.append([str(labels), language, *cells])
        rows += _mean(data, labels, methods)
    return table(["labels", "language", *methods], rows)


def _without_labels(data: dict[str, Any]) -> str:
    methods = ("zero-shot", "self-train head", "self-train lora")
    return _table(data, (0,), methods)


def _cell(data: dict[str, Any], language: str, method: str, labels: int) -> str:
    score = _score(data, language, method, labels)
    return "" if score is None else bracket(score)


def _score(
    data: dict[str, Any], language: str, method: str, labels: int
) -> dict[str, float] | None:
    for cell in data["cells"]:
        if (cell["language"], cell["method"], cell["labels"]) == (language, method, labels):
            found: dict[str, float] = cell["score"]
            return found
    return None


def _mean(data: dict[str, Any], labels: int, methods: tuple[str, ...]) -> list[list[str]]:
    """Over the languages of which every method has a figure."""
    scores = [[_score(data, x, m, labels) for m in methods] for x in data["languages"]]
    whole = [[s["value"] for s in row if s] for row in scores if all(row)]
    if not whole:
        return []
    means = [f"{sum(column) / len(whole):.3f}" for column in zip(*whole, strict=True)]
    return [[str(labels), f"mean of {len(whole)}", *means]]
