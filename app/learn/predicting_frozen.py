"""What a network answers whose body may have read the inputs before."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from app.learn.encoding import encode
from app.learn.examples import Inputs
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.predicting import predict
from app.learn.vector_cache import VectorCache

_ROWS = 4096


def predict_frozen(
    network: Network, inputs: Inputs, vectors: VectorCache | None, monitor: Monitor
) -> np.ndarray:
    """Probabilities, float32 (n, classes) or (n, words, classes), in the order of `inputs`.

    Those of `logits_frozen`; where features cannot be kept, `predict` answers. Runs on the device
    where the network is, and leaves the network's mode as it was.
    """
    logits = logits_frozen(network, inputs, vectors, monitor)
    if logits is None:
        return predict(network, inputs, monitor=monitor)
    answers: np.ndarray = network.objective.probabilities(logits).cpu().numpy()
    return answers


@torch.no_grad()
def logits_frozen(
    network: Network, inputs: Inputs, vectors: VectorCache | None, monitor: Monitor
) -> Tensor | None:
    """Logits, float32 (n, classes) or (n, words, classes), None where features cannot be kept.

    Where `vectors` knows the inputs, the head alone runs; what it does not know is kept there.
    The numbers are the same whatever it holds, and those of `predict` up to rounding.
    """
    was_training = network.training
    network.eval()
    try:
        features = encode(network, inputs, vectors, monitor)
        if features is None:
            return None
        return torch.cat([network.head(part).float() for part in features.split(_ROWS)])
    finally:
        network.train(was_training)
