"""Pools over windows and over whole images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from app.formats.onnx.operators.call import Call, Operator
from app.formats.onnx.operators.padding import Sides, last_axis_first, sides

_MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGES = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def max_pool(call: Call) -> Tensor:
    """The largest value of each window; padding never wins."""
    kernel, strides, padding = _window(call)
    dilations = call.attribute("dilations", [1] * len(kernel))
    images, overhang = call[0], _with_overhang(call, padding)
    if _any(overhang):
        images = functional.pad(images, last_axis_first(overhang), value=float("-inf"))
    answer: Tensor = _MAXIMA[len(kernel)](images, kernel, stride=strides, dilation=dilations)
    return answer


def average_pool(call: Call) -> Tensor:
    """The mean of each window, over the pixels that count.

    Padding counts where `count_include_pad` says so; what a window of ceil_mode overhangs beyond
    the padding never does, in torch as in ONNX since opset 19.
    """
    kernel, strides, padding = _window(call)
    if any(dilation != 1 for dilation in call.attribute("dilations", [])):
        raise ValueError("an average pool with dilations is not supported")
    images, overhang = call[0], _with_overhang(call, padding)
    pool = _AVERAGES[len(kernel)]
    if not _any(overhang):
        plain: Tensor = pool(images, kernel, stride=strides)
        return plain
    means: Tensor = pool(functional.pad(images, last_axis_first(overhang)), kernel, stride=strides)
    counted = torch.ones((1, 1, *images.shape[2:]), device=images.device)
    if call.attribute("count_include_pad", 0):
        counted = functional.pad(counted, last_axis_first(padding), value=1.0)
        overhang = [
            (0, end - after) for (_, after), (_, end) in zip(padding, overhang, strict=True)
        ]
    share: Tensor = pool(functional.pad(counted, last_axis_first(overhang)), kernel, stride=strides)
    return means / share


def global_average_pool(call: Call) -> Tensor:
    """The mean over all spatial axes, which stay with size 1."""
    return call[0].mean(dim=tuple(range(2, call[0].ndim)), keepdim=True)


def global_max_pool(call: Call) -> Tensor:
    """The maximum over all spatial axes, which stay with size 1."""
    return call[0].amax(dim=tuple(range(2, call[0].ndim)), keepdim=True)


def _any(padding: Sides) -> bool:
    return any(amount for side in padding for amount in side)


def _window(call: Call) -> tuple[list[int], list[int], Sides]:
    kernel = call.attribute("kernel_shape")
    strides = call.attribute("strides", [1] * len(kernel))
    return kernel, strides, sides(call, kernel, strides)


def _with_overhang(call: Call, padding: Sides) -> Sides:
    """The padding, with as much more at the ends as the windows of ceil_mode need."""
    if not call.attribute("ceil_mode", 0):
        return padding
    kernel = call.attribute("kernel_shape")
    strides = call.attribute("strides", [1] * len(kernel))
    dilations = call.attribute("dilations", [1] * len(kernel))
    grown = []
    for axis, (before, after) in enumerate(padding):
        size, stride = call[0].shape[2 + axis], strides[axis]
        window = (kernel[axis] - 1) * dilations[axis] + 1
        count = -(-(size + before + after - window) // stride) + 1
        if (count - 1) * stride >= size + before:  # a window that would begin in the padding
            count -= 1
        grown.append((before, max(after, (count - 1) * stride + window - size - before)))
    return grown


POOLING: dict[str, Operator] = {
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
}
