"""How many files a reader opens to follow a story."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import table


def write(data: dict[str, Any]) -> str:
    """The section."""
    before = data.get("before")
    stories = {name: len(files) for name, files in data["stories"].items()}
    heading = ["", *(["before"] if before else []), "now"]
    rows = [
        [name, *([str(before["stories"][name])] if before else []), str(count)]
        for name, count in stories.items()
    ]
    modules = ["modules in `app/`", *([str(before["modules"])] if before else [])]
    return f"""## Files that a reader opens to follow a story

`python -m benchmarks.walk`. {data["conditions"]["date"]}. Distinct files of `app/` in which a
function is called after start-up, over the API, readers, predictor, worker and its children;
`before` is the commit before the modules were arranged by subject.

{table(heading, [*rows, [*modules, str(data["modules"])]])}"""
