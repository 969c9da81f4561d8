"""Distillation beside the bridge, on the same sentence pairs."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    rows = []
    for language in data["languages"]:
        for method in ("bridge", "distill"):
            cell = language[method]
            scores = [bracket(cell["target"]), bracket(cell["english"])]
            rows.append([language["language"], method, *scores, str(cell["seconds"])])
    return f"""## Out of English by sentence pairs: `distill` beside `bridge`

`python -m benchmarks.distill --data FOLDER`. {conditions(data)}

The English-only model of the section before (English untouched:
{bracket(data["english_untouched"])}), 701 sentence pairs, no label of the other language,
{data["epochs"]} epochs, one head. Accuracy on {data["test_rows"]} untouched test rows.

{table(["language", "method", "target", "English", "seconds"], rows)}"""
