"""The optimiser of a stage, and an embedding that gives it the rows in use alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, AdamW, Optimizer

from app.learn.training.recipe import Optimiser

_MOMENTUM = 0.9


def create_optimiser(
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


@runtime_checkable
class HasWeightMatrices(Protocol):
    """A module whose own parameters do not say by their names which of them are matrices."""

    def matrices(self) -> Iterator[nn.Parameter]:
        """Those that inputs are multiplied by: matrices and kernels."""


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
    if isinstance(module, HasWeightMatrices):
        return module.matrices()
    named = module.named_parameters(recurse=False)
    return (p for name, p in named if p.ndim >= 2 and "weight" in name.split("_"))


class ActiveEmbedding(nn.Module):
    """Stands in for `full` while it is trained: `rows` learn, all other rows are looked up.

    `rows`: int64 (k,), distinct, without the padding row, which never learns. With an optimiser
    that leaves parameters without a gradient alone (SGD; AdamW without weight decay on
    embeddings) the result is exactly that of training `full`, since a row that no text touches
    has a zero gradient; but gradient and optimiser state have k rows instead of all, which for a
    multilingual vocabulary of 250,000 rows is the larger part of a step's time and memory.
    """

    position: Tensor

    def __init__(self, full: nn.Embedding, rows: Tensor) -> None:
        super().__init__()
        self.full = full
        self.full.weight.requires_grad_(False)
        weight = full.weight.detach()
        rows = rows.to(weight.device)
        self.active = nn.Parameter(weight[rows].clone())
        position = torch.full((full.num_embeddings,), -1, device=weight.device)
        position[rows] = torch.arange(len(rows), device=weight.device)
        self.register_buffer("position", position, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The full matrix as it was before training; networks ask it for its dtype and device."""
        return self.full.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Rows float (..., width) for `ids` int64 (...)."""
        position = self.position[ids]
        learning = functional.embedding(position.clamp(min=0), self.active)
        resting = functional.embedding(ids, self.full.weight.detach())
        return torch.where((position >= 0).unsqueeze(-1), learning, resting)

    @torch.no_grad()
    def finish(self) -> nn.Embedding:
        """Write what was learnt back; returns the full embedding, trainable again."""
        rows = (self.position >= 0).nonzero().squeeze(-1)
        self.full.weight[rows] = self.active[self.position[rows]]
        self.full.weight.requires_grad_(True)
        return self.full


def active_rows(full: nn.Embedding, ids: Tensor) -> Tensor:
    """The distinct `ids` (int64, any shape) that learn: all but the padding row; sorted."""
    rows = torch.unique(ids)
    return rows if full.padding_idx is None else rows[rows != full.padding_idx]
