"""Out of English without a target label."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    return f"""## Out of English without a target label: `bridge`

`python -m benchmarks.bridge --data FOLDER`. {conditions(data)} Encoding
what was not kept from an earlier run took {data["encoding_seconds"]} s of it.

Accuracy on the {data["test_rows"]} untouched test rows of each language of SIB-200, mean of
{data["seeds"]} English heads; intervals over rows and heads. The rows are the same sentences in
every language, so the interval of the mean draws sentences. Text without labels is that of the
train split ({data["english_rows"]} sentences); no label of another language is used anywhere.

### An English-only model

`all-MiniLM-L6-v2` with a head trained on English; `bridge` puts multilingual-e5-small before the
same head. "English text": fitted on the English sentences alone; "text of both": centred by the
other language's sentences as well; "sentence pairs": these sentences as translations.

{_table(data, data["english_only"])}

### The starter encoder

A head trained on English on top of multilingual-e5-small. `bridge` without an auxiliary model
centres the languages; `self-train` trains on what the model is surest of.

{_table(data, data["multilingual"])}"""


def _table(data: dict[str, Any], ways: dict[str, Any]) -> str:
    names = list(ways)
    rows = [
        [language, *(bracket(ways[name]["target"][language]) for name in names)]
        for language in data["languages"]
    ]
    rows.append(["**mean**", *(bracket(ways[name]["target"]["mean"]) for name in names)])
    rows.append(["English", *(bracket(ways[name]["english"]) for name in names)])
    rows.append(["s a transfer", *(str(ways[name]["seconds_per_transfer"]) for name in names)])
    return table(["language", *names], rows)
