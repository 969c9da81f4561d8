"""Per-row predictions of an evaluation, as a Parquet table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.learn.examples import NO_WORD, Examples, texts_of
from app.learn.objectives.contract import Objective
from app.learn.objectives.multi_label import MultiLabel

Order = Literal["worst", "best", "row"]


def write_predictions(
    file: Path, examples: Examples, probabilities: np.ndarray, objective: Objective
) -> None:
    """Write one row per example; `probabilities` are what `predict` gives for its inputs.

    Columns: `row` (number in its dataset, from 1), `text` (null for an image), `label`,
    `predicted`, `probability_of_label` (of what is true), `confidence` (the probability of what is
    predicted; both are the geometric mean over several labels or words), and `probabilities`, a
    list. Of tagged sentences also `words`; `label` and `predicted` are then lists of tags, and
    `probabilities` those of the predicted tags. Of several labels they are lists as well.
    """
    answers, images = objective.rows(probabilities, examples.targets), examples.inputs
    lengths = [len(words) for words in images] if objective.per_word else None
    predicted = predicted_targets(probabilities, objective, lengths)
    texts = [None] * len(examples) if isinstance(images, np.ndarray) else texts_of(examples.inputs)
    columns = {
        "row": pa.array(examples.rows, pa.int64()),
        "text": pa.array(texts, pa.string()),
        "label": names_column(answers.truth),
        "predicted": names_column(answers.predicted),
        "probability_of_label": pa.array(answers.probability, pa.float32()),
        "confidence": pa.array(objective.rows(probabilities, predicted).probability, pa.float32()),
        "probabilities": pa.array(answers.probabilities, pa.list_(pa.float32())),
    }
    if objective.per_word:
        columns["words"] = pa.array(list(map(list, examples.inputs)), pa.list_(pa.string()))
    pq.write_table(pa.table(columns), file, compression="zstd")


def read_predictions(
    file: Path, order: Order = "worst", offset: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Rows as dicts of the columns; `worst` first is by ascending probability of the true label.

    Rows of equal probability come by row number, so that pages never overlap.
    """
    table = pq.read_table(file)
    keys: dict[Order, list[tuple[str, str]]] = {
        "worst": [("probability_of_label", "ascending"), ("row", "ascending")],
        "best": [("probability_of_label", "descending"), ("row", "ascending")],
        "row": [("row", "ascending")],
    }
    chosen = pc.sort_indices(table, sort_keys=keys[order])[offset : offset + limit]
    rows: list[dict[str, Any]] = table.take(chosen).to_pylist()
    return rows


def predicted_targets(
    probabilities: np.ndarray, objective: Objective, lengths: Sequence[int] | None = None
) -> np.ndarray:
    """What is predicted, in the form in which an objective takes what is true.

    `lengths` are the numbers of words, for an objective with an answer for each word.
    """
    if isinstance(objective, MultiLabel):
        return objective.predicted(probabilities)
    likeliest: np.ndarray = probabilities.argmax(axis=-1)
    if lengths is not None:
        likeliest[np.arange(likeliest.shape[1]) >= np.array(lengths)[:, None]] = NO_WORD
    return likeliest


def names_column(names: list[Any]) -> pa.Array:
    """A column of labels, or of lists of labels."""
    lists = any(isinstance(name, list) for name in names)
    return pa.array(names, pa.list_(pa.string()) if lists else pa.string())
