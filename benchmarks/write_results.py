"""Makes docs/results.md from the JSON files in `results/`.

python -m benchmarks.write_results
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from benchmarks.record import RESULTS

TARGET = Path(__file__).parents[1] / "docs" / "results.md"
HEAD = """# Results

This file is made by `python -m benchmarks.write_results` from `benchmarks/results/`; do not edit
it. Each section names the script that took its figures. Brackets are 95% intervals.
"""
# Each is a file of figures in `results/` and a module in `sections/`, in the order shown.
SECTIONS = (
    "intervals",
    "digits",
    "digits_default",
    "self_train",
    "sib200",
    "few_labels",
    "bridge",
    "body",
    "distill",
    "tokens",
    "align",
    "advice",
    "leakage",
    "wrong_language",
    "vocabulary",
    "trim",
    "serving",
    "serving_while_training",
    "resident_memory",
    "storm",
    "listing",
    "walk",
)


def main() -> None:
    """Write the document; a section whose benchmark has not run says so."""
    parts = [HEAD]
    for name in SECTIONS:
        file = RESULTS / f"{name}.json"
        if file.exists():
            section = import_module(f"benchmarks.sections.{name}")
            parts.append(section.write(json.loads(file.read_text())))
        else:
            parts.append(
                f"## {name}\n\nNo figures: `python -m benchmarks.{name}` has not been run."
            )
    TARGET.write_text("\n\n".join(part.strip() for part in parts) + "\n")


if __name__ == "__main__":
    main()
