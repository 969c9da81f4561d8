"""Digits of another script with few labels and many images without."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    rows = [
        [
            script["script"],
            str(script["unlabelled"]),
            bracket(script["accuracy"]["fine-tune"]),
            bracket(script["accuracy"]["self-train"]),
            bracket(script["difference"]),
            f"{script['seconds']['fine-tune']} / {script['seconds']['self-train']}",
        ]
        for script in data["scripts"]
    ]
    heading = ["script", "unlabelled images", "fine-tune", "self-train", "difference", "seconds"]
    gains = [script["difference"]["value"] for script in data["scripts"]]
    return f"""## Digits with {data["per_class"]} labels per class: self-train

`python -m benchmarks.self_train --data FOLDER`. {conditions(data)}

Both methods start from the network of Latin digits, get the same {data["per_class"]} labelled
images per class and train by `{data["parameters"]["strategy"]}`; `self-train` also gets images
without labels. Means over seeds, with intervals over rows and seeds; seconds are of one run of
each. The mean difference over the scripts is {sum(gains) / len(gains):+.4f}.

{table(heading, rows)}"""
