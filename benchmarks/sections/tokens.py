"""Entities in commands, English to German."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    rows = []
    for name in dict.fromkeys(row["name"] for row in data["rows"]):
        each = [row for row in data["rows"] if row["name"] == name]
        mean = sum(row["entity_f1"]["value"] for row in each) / len(each)
        english = [row["english_after"]["value"] for row in each if "english_after" in row]
        rows.append(
            [
                name,
                f"{mean:.3f}",
                ", ".join(bracket(row["entity_f1"]) for row in each),
                f"{sum(english) / len(english):.3f}" if english else "-",
                ", ".join(str(row["seconds"]) for row in each),
            ]
        )
    commands = data["commands"]
    heading = ["German", "mean entity F1", "each sample of labels", "English after", "seconds"]
    return f"""## Entities in commands: an English tagger taken to German

`python -m benchmarks.tokens`. {conditions(data)}

The starter encoder with a head for names, areas, floors and colours, trained on
{commands["english"]} English commands generated from templates (entity F1 on English test commands
{bracket(data["english_before"])}), then moved with {commands["german"]} tagged German commands,
{data["seeds"]} samples of them. Scored on {commands["test"]} German commands ({data["words"]}
words) whose templates, names and areas are not among those that train. "word features" is a
logistic regression on each word, its characters and neighbours, fitted on the same German
commands. Seconds were taken beside other work. The largest difference between the published
entity F1 and seqeval's on the same predictions is
{data["largest_difference_to_seqeval"]:.1e}.

{table(heading, rows)}"""
