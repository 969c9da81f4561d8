"""What a network answers whose body may have read the inputs before."""

from __future__ import annotations

import numpy as np
import torch

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
    """Probabilities, float32 (n, classes) or (n, words, classes), by the head alone where `vectors` knows the inputs.

    The same numbers whatever `vectors` holds; those of `predict` up to rounding. Vectors that
    had to be computed are kept there. Where features cannot be kept, `predict` answers. Runs on
    the device where the network is, and leaves the network's mode as it was.
    """
    was_training = network.training
    network.eval()
    try:
        features = encode(network, inputs, vectors, monitor)
        if features is None:
            return predict(network, inputs, monitor=monitor)
        with torch.no_grad():
            logits = [network.head(part).float() for part in features.split(_ROWS)]
            found = network.objective.probabilities(torch.cat(logits))
        answers: np.ndarray = found.cpu().numpy()
        return answers
    finally:
        network.train(was_training)
