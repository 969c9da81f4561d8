"""A network's head as one linear map, where it is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from app.learn.network import Network


@dataclass(frozen=True)
class LinearHead:
    """Logits are `features @ weight + bias`; float64 (width, classes) and (classes,)."""

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Float64 (n, classes) for `features` (n, width)."""
        answers: np.ndarray = features @ self.weight + self.bias
        return answers

    def seen_from(self, centre: np.ndarray, scale: float) -> LinearHead:
        """The same head for features counted from `centre` in units of `scale`."""
        return LinearHead(self.weight * scale, self.bias + centre @ self.weight)

    def seen_from_zero(self, centre: np.ndarray, scale: float) -> LinearHead:
        """The same head for features as they are, where it was for those counted from `centre`."""
        weight = self.weight / scale
        return LinearHead(weight, self.bias - centre @ weight)


@torch.no_grad()
def read_linear_head(network: Network, width: int) -> LinearHead | None:
    """The head of a network in eval mode; None where it is not one matrix and one bias.

    It is asked, not looked up: the bias is its answer to zeros, and a row of the matrix how its
    answer to a unit vector differs from that.
    """
    if _parameters(network) is None:
        return None
    device = next(network.parameters()).device
    asked = torch.cat([torch.zeros(1, width), torch.eye(width)]).to(device)
    if network.objective.per_word:
        asked = asked.unsqueeze(1)
    answers = network.head(asked).double().cpu().reshape(width + 1, -1).numpy()
    found = LinearHead(answers[1:] - answers[0], answers[0])
    trial = torch.linspace(-1.0, 1.0, width, device=device).reshape(1, *[1] * (asked.ndim - 2), -1)
    answer = network.head(trial).double().cpu().reshape(1, -1).numpy()
    expected = found.logits(trial.double().cpu().reshape(1, -1).numpy())
    scale = 1e-4 * max(1.0, float(np.abs(expected).max()))
    return found if np.allclose(answer, expected, atol=scale, rtol=1e-4) else None


@torch.no_grad()
def write_linear_head(network: Network, head: LinearHead) -> None:
    """Give the network that head; it must be one that `read_linear_head` could read."""
    found = _parameters(network)
    assert found is not None, "only a linear head is written"
    weight, bias = found
    given = torch.from_numpy(head.weight).float()
    # Reading takes a difference of float32 answers, of which the bias may be by far the most.
    rounding = 1e-3 + 1e-6 * float(np.abs(head.bias).max())
    # Layers keep (classes, width), ONNX graphs either; what a square one means, a trial tells.
    for turned in (given.T, given):
        if weight.shape != turned.shape:
            continue
        weight.copy_(turned)
        bias.copy_(torch.from_numpy(head.bias).float().reshape(bias.shape))
        again = read_linear_head(network, len(head.weight))
        if again is not None and np.allclose(again.weight, head.weight, atol=rounding, rtol=1e-3):
            return
    raise ValueError("the head's matrix has another shape than its answers")


def _parameters(network: Network) -> tuple[Tensor, Tensor] | None:
    """The matrix and the bias, where these two are all that the head has."""
    found: list[nn.Parameter] = list(network.head_parameters())
    matrices = [p for p in found if p.ndim > 1]
    biases = [p for p in found if p.ndim <= 1 and p.numel() == len(network.labels)]
    if len(found) != 2 or len(matrices) != 1 or len(biases) != 1 or matrices[0].ndim != 2:
        return None
    return matrices[0], biases[0]
