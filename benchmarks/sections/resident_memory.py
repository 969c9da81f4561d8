"""What loaded models hold in memory."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    rows = [
        [
            one["model"],
            f"{one['engine']} {one['precision']}",
            f"{one['held_mib']:.0f}",
            f"{one['counted_mib']:.0f}",
            f"{one['counted_mib'] / one['held_mib']:.2f}",
        ]
        for one in data["models"]
    ]
    heading = ["model", "engine", "held, MiB", "counted, MiB", "counted / held"]
    return f"""## Memory of loaded models

`python -m benchmarks.resident_memory`. {conditions(data)}

The growth of a fresh process's resident memory when a model is opened and warmed up on one and on
two processors, beside what the service counts for it (`app/runtimes/resources.py`: two numbers
for each engine and precision, fitted to the first two models, and bytes by token of a tokenizer).

{table(heading, rows)}"""
