"""From a text's tokens to its vector, as sentence-transformers defines it: pooling, then layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn

PoolingMode = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]

Activation = Literal[
    "Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid", "LeakyReLU", "ELU", "Mish", "Softplus"
]


class DenseLayer(BaseModel):
    """A linear layer behind the pooling, and torch.nn's activation after it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_features: PositiveInt
    out_features: PositiveInt
    bias: bool = True
    activation: Activation = "Tanh"


class DenseLayers(nn.ModuleList):
    """Layers that a sentence vector passes, float (n, in) to float (n, out)."""

    def __init__(self, layers: Sequence[DenseLayer]) -> None:
        super().__init__(nn.Linear(one.in_features, one.out_features, one.bias) for one in layers)
        self._activations = [getattr(nn, one.activation)() for one in layers]

    def forward(self, vectors: Tensor) -> Tensor:
        """The vectors behind the last layer."""
        for linear, activation in zip(self, self._activations, strict=True):
            vectors = activation(linear(vectors))
        return vectors

    def reset_parameters(self) -> None:
        """Draw every layer anew."""
        for linear in self:
            cast(nn.Linear, linear).reset_parameters()


def pool(tokens: Tensor, mask: Tensor, modes: Sequence[PoolingMode]) -> Tensor:
    """Float (n, modes * width) of tokens, float (n, longest, width), and mask, int (n, longest).

    Padding may stand on either side. Several modes are concatenated in their order.
    """
    pooled = [_POOL[mode](tokens, mask) for mode in modes]
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=-1)


def _first(tokens: Tensor, mask: Tensor) -> Tensor:
    return _at(tokens, mask.int().argmax(dim=1))


def _last(tokens: Tensor, mask: Tensor) -> Tensor:
    return _at(tokens, (mask.cumsum(dim=1) * mask).int().argmax(dim=1))


def _max(tokens: Tensor, mask: Tensor) -> Tensor:
    return tokens.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    counted = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1.0)


def _mean_by_root(tokens: Tensor, mask: Tensor) -> Tensor:
    counted = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1.0).sqrt()


def _mean_by_place(tokens: Tensor, mask: Tensor) -> Tensor:
    """The k-th token counts k times (Muennighoff, 2022, "SGPT")."""
    places = (mask.cumsum(dim=1) * mask).unsqueeze(-1).to(tokens.dtype)
    return (tokens * places).sum(dim=1) / places.sum(dim=1).clamp(min=1.0)


def _at(tokens: Tensor, places: Tensor) -> Tensor:
    index = places.view(-1, 1, 1).expand(-1, 1, tokens.shape[-1])
    return tokens.gather(1, index).squeeze(1)


_POOL = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _mean_by_place,
    "lasttoken": _last,
}
