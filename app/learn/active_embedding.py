"""Trains only the rows of a large embedding that the training texts touch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


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
