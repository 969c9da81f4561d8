"""A network's answers to rows, computed where that is quickest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.learn.examples import Examples
from app.learn.finite_answers import require_finite
from app.learn.monitor import Monitor
from app.learn.vector_cache import VectorCache

if TYPE_CHECKING:
    from app.learn.network import Network


def answers(network: Network, rows: Examples, vectors: VectorCache, monitor: Monitor) -> np.ndarray:
    """Probabilities, float32 (n, classes); the network is back on the CPU afterwards.

    Rows that the same body has read before, whatever its head was then, are not read again.
    Raises AnswerNotFinite, which names rows of the dataset.
    """
    from app.learn.devices import best_device
    from app.learn.predicting_frozen import predict_frozen

    try:
        found = predict_frozen(network.to(best_device()), rows.inputs, vectors, monitor)
    finally:
        network.cpu()
    require_finite(found, place=lambda position: f"row {rows.rows[position]}")
    return found
