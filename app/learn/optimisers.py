"""Optimisers over the parameters that a stage trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from app.learn.active_embedding import ActiveEmbedding
from app.learn.training_options import Optimiser

_MOMENTUM = 0.9


@runtime_checkable
class HoldsMatrices(Protocol):
    """A module whose own parameters do not say by their names which of them are matrices."""

    def matrices(self) -> Iterator[nn.Parameter]:
        """Those that inputs are multiplied by: matrices and kernels."""


def optimiser_for(
    network: nn.Module, kind: Optimiser, learning_rate: float, weight_decay: float
) -> Optimizer:
    """An optimiser of every parameter with `requires_grad`.

    Weight decay (decoupled in AdamW: Loshchilov and Hutter, 2019) holds for matrices and kernels
    alone. It does not hold for biases, norms and scales; nor for what is looked up or added, of
    whatever shape: embeddings of words and positions, class tokens, tables of relative positions
    (Dosovitskiy et al., 2021; Liu et al., 2021). Unused rows would be worn away.
    """
    matrices = {id(parameter) for parameter in decaying_parameters(network)}
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if id(p) in matrices], "weight_decay": weight_decay},
        {"params": [p for p in trained if id(p) not in matrices], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if kind is Optimiser.SGD:
        return SGD(groups, lr=learning_rate, momentum=_MOMENTUM)
    return AdamW(groups, lr=learning_rate)


def decaying_parameters(network: nn.Module) -> Iterator[nn.Parameter]:
    """The matrices and kernels among all parameters; what an embedding shares is none of them.

    Layers call theirs `weight` (`weight_ih_l0`, `in_proj_weight`); a parameter of another name
    stays out, since one that decays by mistake is lost and one that does not is merely larger.
    """
    kept = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag | ActiveEmbedding | nn.LayerNorm)
        for parameter in module.parameters(recurse=False)
    }
    for module in network.modules():
        yield from (p for p in _matrices(module) if id(p) not in kept)


def _matrices(module: nn.Module) -> Iterator[nn.Parameter]:
    if isinstance(module, HoldsMatrices):
        return module.matrices()
    named = module.named_parameters(recurse=False)
    return (p for name, p in named if p.ndim >= 2 and "weight" in name.split("_"))
