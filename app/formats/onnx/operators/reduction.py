"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from app.formats.onnx.operators.call import Call, Operator

Reduction = Callable[..., Tensor]


def _over_axes(function: Reduction) -> Operator:
    """An operator that reduces over the axes given, or over all of them."""

    def reduce(call: Call) -> Tensor:
        axes = call.integers("axes", 1)
        if not axes and call.attribute("noop_with_empty_axes", 0):
            return call[0]
        axes = axes or list(range(call[0].ndim))
        return function(call[0], dim=axes, keepdim=bool(call.attribute("keepdims", 1)))

    return reduce


def _product(values: Tensor, dim: list[int], keepdim: bool) -> Tensor:
    for axis in sorted((d % values.ndim for d in dim), reverse=True):
        values = values.prod(dim=axis, keepdim=keepdim)
    return values


def _sum_of_squares(values: Tensor, dim: list[int], keepdim: bool) -> Tensor:
    return values.square().sum(dim=dim, keepdim=keepdim)


def _length(values: Tensor, dim: list[int], keepdim: bool) -> Tensor:
    return torch.linalg.vector_norm(values, dim=dim, keepdim=keepdim)


def _sum_of_sizes(values: Tensor, dim: list[int], keepdim: bool) -> Tensor:
    return values.abs().sum(dim=dim, keepdim=keepdim)


REDUCTION: dict[str, Operator] = {
    "ReduceMean": _over_axes(torch.mean),
    "ReduceSum": _over_axes(torch.sum),
    "ReduceMax": _over_axes(torch.amax),
    "ReduceMin": _over_axes(torch.amin),
    "ReduceProd": _over_axes(_product),
    "ReduceL1": _over_axes(_sum_of_sizes),
    "ReduceL2": _over_axes(_length),
    "ReduceSumSquare": _over_axes(_sum_of_squares),
    "ReduceLogSumExp": _over_axes(torch.logsumexp),
}
