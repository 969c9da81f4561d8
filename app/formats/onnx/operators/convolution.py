"""Convolutions and the linear maps: the operators that carry a classifier's weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from app.formats.onnx.operators.call import Call, Operator
from app.formats.onnx.operators.padding import last_axis_first, sides

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def conv(call: Call) -> Tensor:
    """Convolution over one to three spatial axes, grouped, dilated, padded in any way."""
    weight = call[1]
    axes = weight.ndim - 2
    strides = call.attribute("strides", [1] * axes)
    padding = sides(call, weight.shape[2:], strides)
    images, symmetric = call[0], [before for before, _ in padding]
    if any(before != after for before, after in padding):
        images, symmetric = functional.pad(images, last_axis_first(padding)), [0] * axes
    answer: Tensor = _CONVOLUTIONS[axes](
        images,
        weight,
        call.given(2),
        stride=strides,
        padding=symmetric,
        dilation=call.attribute("dilations", [1] * axes),
        groups=call.attribute("group", 1),
    )
    return answer


def gemm(call: Call) -> Tensor:
    """alpha * A B + beta * C, either of A and B transposed."""
    left = call[0].T if call.attribute("transA", 0) else call[0]
    right = call[1].T if call.attribute("transB", 0) else call[1]
    alpha, beta, bias = call.attribute("alpha", 1.0), call.attribute("beta", 1.0), call.given(2)
    if bias is None:
        return left @ right * alpha
    return torch.addmm(bias, left, right, alpha=alpha, beta=beta)


def matmul(call: Call) -> Tensor:
    """Matrix product over the last two axes."""
    return call[0] @ call[1]


def einsum(call: Call) -> Tensor:
    """Sums of products by an equation."""
    return torch.einsum(call.attribute("equation"), *call.together())


CONVOLUTION: dict[str, Operator] = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "Einsum": einsum,
}
