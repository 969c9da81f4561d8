"""The section on `vocabulary`."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section as Markdown."""
    parts = [_language(language, data["labels"]) for language in data["languages"]]
    steps = data["trained"]["rows_steps"]
    return f"""## vocabulary: an English-only encoder given another tokenizer

`python -m benchmarks.vocabulary --data FOLDER --packages FOLDER`. {conditions(data)}

MiniLM (English) with a head for the SIB-200 topics trained on English. The tokenizer is trained
on the target language's train sentences, whose labels are not used; word pairs are FreeDict's.
Accuracy on {data["test_rows"]} untouched test rows, mean of {data["seeds"]} seeds, intervals over
rows and seeds: at once, without a target label, and with a fresh head trained on
{data["labels"]} target labels, the body frozen. "Random rows" is the control; "trained" adds
{steps} steps of masked-language training of the rows alone. Seconds are those of one transfer.

{chr(10).join(parts)}"""


def _language(language: dict[str, Any], labels: int) -> str:
    heading = ["start", "no label", f"{labels} labels", "tokens a word", "masked loss", "seconds"]
    rows = [_row(variant) for variant in language["variants"]]
    return (
        f"\n### {language['language']}: {language['texts']} sentences, {language['pairs']} word "
        f"pairs\n\n{table(heading, rows)}"
    )


def _row(variant: dict[str, Any]) -> list[str]:
    tokens = variant.get("tokens_per_word")
    losses = variant.get("masked_loss")
    return [
        variant["name"],
        bracket(variant["zero_shot"]),
        bracket(variant["few_labels"]),
        f"{tokens['before']:.2f} to {tokens['after']:.2f}" if tokens else "-",
        f"{losses['before']:.2f} to {losses['rows']:.2f}" if losses else "-",
        str(variant.get("seconds", "-")),
    ]
