"""Per-row predictions of an evaluation, as a Parquet table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.learn.examples import Examples

Order = Literal["worst", "best", "row"]


def write_predictions(
    file: Path, examples: Examples, probabilities: np.ndarray, labels: tuple[str, ...]
) -> None:
    """Write one row per example; `probabilities` is float32 (n, classes), in the labels' order.

    Columns: `row` (number in its dataset, from 1), `text` (null for an image), `label`,
    `predicted`, `probability` of the true label, and `probabilities`, a list.
    """
    names = np.array(labels, dtype=object)
    own = probabilities[np.arange(len(examples)), examples.targets]
    texts = examples.inputs if isinstance(examples.inputs, list) else [None] * len(examples)
    table = pa.table(
        {
            "row": pa.array(examples.rows, pa.int64()),
            "text": pa.array(texts, pa.string()),
            "label": pa.array(names[examples.targets], pa.string()),
            "predicted": pa.array(names[probabilities.argmax(axis=1)], pa.string()),
            "probability": pa.array(own, pa.float32()),
            "probabilities": pa.array(list(probabilities), pa.list_(pa.float32())),
        }
    )
    pq.write_table(table, file, compression="zstd")


def read_predictions(
    file: Path, order: Order = "worst", offset: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Rows as dicts of the columns; `worst` first is by ascending probability of the true label.

    Rows of equal probability come by row number, so that pages never overlap.
    """
    table = pq.read_table(file)
    keys: dict[Order, list[tuple[str, str]]] = {
        "worst": [("probability", "ascending"), ("row", "ascending")],
        "best": [("probability", "descending"), ("row", "ascending")],
        "row": [("row", "ascending")],
    }
    chosen = pc.sort_indices(table, sort_keys=keys[order])[offset : offset + limit]
    rows: list[dict[str, Any]] = table.take(chosen).to_pylist()
    return rows
