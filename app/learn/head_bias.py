"""Adds to all of a network's logits what is wanted, by its last bias."""

from __future__ import annotations

import numpy as np
import torch

from app.learn.examples import Inputs, take_inputs
from app.learn.network import Network, move

_PROBE = 8


@torch.no_grad()
def shift_logits(network: Network, shift: np.ndarray, inputs: Inputs) -> bool:
    """Add `shift` (float (classes,)) to the head's last bias; False, and nothing done, without one.

    The network must be in eval mode; on a few of `inputs` it is tried that the logits do move.
    """
    wanted = (len(network.labels),)
    biases = [p for p in network.head_parameters() if tuple(p.shape) == wanted]
    if not biases:
        return False
    bias = biases[-1]
    batch = network.collate(take_inputs(inputs, np.arange(min(_PROBE, len(inputs)))))
    batch = move(batch, bias.device)
    before = network(batch).float()
    kept, added = bias.clone(), torch.from_numpy(shift).to(bias)
    bias.add_(added)
    if torch.allclose(network(batch).float(), before + added, atol=1e-3):
        return True
    bias.copy_(kept)
    return False
