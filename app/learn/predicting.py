"""What a network answers."""

from __future__ import annotations

import numpy as np
import torch

from app.learn.devices import autocast
from app.learn.examples import Inputs, take_inputs
from app.learn.monitor import Monitor, Silence
from app.learn.network import Network, move


def predict(
    network: Network, inputs: Inputs, batch_size: int = 64, monitor: Monitor | None = None
) -> np.ndarray:
    """Probabilities, float32 (n, classes) or (n, words, classes), in the order of `inputs`.

    Sentences of words are padded to the longest; what stands behind their end means nothing.
    Runs in eval mode on the device where the network is, and leaves the network's mode as it was.
    Inputs of like length share a batch.
    """
    monitor = monitor or Silence()
    order = np.argsort(np.asarray(network.lengths(inputs), dtype=np.int64), kind="stable")
    answers = np.zeros(network.objective.answer_shape(inputs), dtype=np.float32)
    was_training = network.training
    network.eval()
    try:
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            found = _probabilities(network, take_inputs(inputs, chosen))
            if network.objective.per_word:
                answers[chosen, : found.shape[1]] = found
            else:
                answers[chosen] = found
            monitor.progress("predicting", min(1.0, (start + batch_size) / len(order)))
    finally:
        network.train(was_training)
    return answers


@torch.no_grad()
def _probabilities(network: Network, inputs: Inputs) -> np.ndarray:
    device = next(network.parameters()).device
    with autocast(device):
        logits = network(move(network.collate(inputs), device))
    probabilities: np.ndarray = network.objective.probabilities(logits).cpu().numpy()
    return probabilities
