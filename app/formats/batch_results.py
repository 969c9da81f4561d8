"""The results of a batch prediction: one table of Parquet, written part by part."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from app.formats.predictions_table import names_column, predicted_targets
from app.formats.rows_to_ask import RowsToAsk
from app.learn.objectives.contract import Objective
from app.learn.objectives.tagging import Tagging

_ABOUT = b"babelport"
_ENTITY = pa.struct(
    [
        ("type", pa.string()),
        ("text", pa.string()),
        ("first_word", pa.int64()),
        ("last_word", pa.int64()),
    ]
)


def results_table(
    rows: RowsToAsk,
    probabilities: np.ndarray,
    truncated: Sequence[bool],
    objective: Objective,
    about: dict[str, Any],
    windows: Sequence[int] | None = None,
) -> pa.Table:
    """One row for each row asked about; `probabilities` as the objective has them.

    Columns: `row`, `text` (not of images), `label` (what is true, where the dataset says so),
    `predicted`, `confidence` (the probability of what is predicted; the geometric mean over several
    labels or words), `probabilities`, a list in the order of the model's labels, and of texts
    `truncated`: whether the model read only part of it, and where they are given `windows`: in how
    many it was read. Of tagged
    sentences also `words` and `entities`; `label` and `predicted` are then lists of tags, and
    `probabilities` those of the predicted tags. Of several labels they are lists as well. `about`
    is kept in the file beside the table.
    """
    lengths = [len(words) for words in rows.inputs] if objective.per_word else None
    predicted = predicted_targets(probabilities, objective, lengths)
    answers = objective.rows(probabilities, predicted)
    columns: dict[str, Any] = {"row": pa.array(rows.numbers, pa.int64())}
    if rows.texts is not None:
        columns["text"] = pa.array(rows.texts, pa.string())
    if objective.per_word:
        columns["words"] = pa.array(list(map(list, rows.inputs)), pa.list_(pa.string()))
    if rows.truth is not None:
        columns["label"] = names_column(rows.truth)
    columns["predicted"] = names_column(answers.predicted)
    columns["confidence"] = pa.array(answers.probability, pa.float32())
    columns["probabilities"] = pa.array(answers.probabilities, pa.list_(pa.float32()))
    if rows.texts is not None and not objective.per_word:
        columns["truncated"] = pa.array(truncated, pa.bool_())
        if windows is not None:
            columns["windows"] = pa.array(windows, pa.int64())
    if isinstance(objective, Tagging):
        found = _entities(objective, predicted, rows)
        columns["entities"] = pa.array(found, pa.list_(_ENTITY))
    return pa.table(columns).replace_schema_metadata({_ABOUT: json.dumps(about).encode()})


def about_results(file: Path) -> dict[str, Any] | None:
    """What was kept beside the table in `file`; None for another file, or half of one."""
    try:
        found: dict[str, Any] = json.loads((pq.read_schema(file).metadata or {})[_ABOUT])
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return None
    return found


def write_results(file: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of one kind one after the other; at least one, of which only one is in memory.

    Equal tables give equal bytes.
    """
    following = iter(tables)
    first = next(following)
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for table in following:
            writer.write_table(table)


def _entities(objective: Tagging, predicted: np.ndarray, rows: RowsToAsk) -> list[list[Any]]:
    found: list[list[Any]] = [[] for _ in rows.numbers]
    for sentence, first, last, kind in objective.scheme.entities(predicted).tolist():
        text = " ".join(rows.inputs[sentence][first : last + 1])
        found[sentence].append(
            {
                "type": objective.scheme.types[kind],
                "text": text,
                "first_word": first,
                "last_word": last,
            }
        )
    return found
