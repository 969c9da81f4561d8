"""Few digits with a request that says nothing of validation."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    scripts = list(dict.fromkeys(cell["script"] for cell in data["cells"]))
    names = list(dict.fromkeys(cell["validation_fraction"] for cell in data["cells"]))
    found = {(cell["script"], cell["validation_fraction"]): cell for cell in data["cells"]}
    rows, differences = [], []
    for script in scripts:
        cells = [found.get((script, name)) for name in names]
        rows.append([script, *(bracket(cell["accuracy"]) if cell else "-" for cell in cells)])
        if cells[0] and cells[1]:
            points = [100 * cell["accuracy"]["value"] for cell in cells[:2] if cell]
            differences.append(points[0] - points[1])
    widest = max((abs(points) for points in differences), default=0.0)
    reason = data["cells"][0]["validation"]["reason"]
    return f"""## Ten digits per class, by default

`python -m benchmarks.digits_default --data FOLDER`, over HTTP. {conditions(data)}

`fine-tune` with nothing said (`lp-ft`, all its steps), 10 images per class in all, scored on the
untouched test split; the columns differ in `validation_fraction` alone. Left out and 0 differ by at
most {widest:.1f} points on {len(differences)} scripts. Why, in the words of `result.validation`:
"{reason}"

{table(["script", *(f"`validation_fraction` {name}" for name in names)], rows)}"""
