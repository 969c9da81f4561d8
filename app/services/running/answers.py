"""A network's answers to rows, computed where that is quickest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.learn.examples import Examples
from app.learn.monitor import Monitor

if TYPE_CHECKING:
    from app.learn.network import Network


def answers(network: Network, rows: Examples, monitor: Monitor) -> np.ndarray:
    """Probabilities, float32 (n, classes); the network is back on the CPU afterwards."""
    from app.learn.devices import best_device
    from app.learn.predicting import predict

    try:
        return predict(network.to(best_device()), rows.inputs, monitor=monitor)
    finally:
        network.cpu()
