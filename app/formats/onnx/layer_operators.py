"""ONNX operators of layers in torch: convolution, linear maps, pooling, normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from app.formats.onnx.tensor_operators import Call, Operator

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGES = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
PaddingSides = list[tuple[int, int]]


def conv(call: Call) -> Tensor:
    """Convolution over one to three spatial axes, grouped, dilated, padded in any way."""
    weight = call[1]
    axes = weight.ndim - 2
    strides = call.attribute("strides", [1] * axes)
    padding = padding_sides(call, weight.shape[2:], strides)
    images, symmetric = call[0], [before for before, _ in padding]
    if any(before != after for before, after in padding):
        images, symmetric = functional.pad(images, last_axis_first(padding)), [0] * axes
    answer: Tensor = _CONVOLUTIONS[axes](
        images,
        weight,
        call.optional_input(2),
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
    alpha, beta, bias = (
        call.attribute("alpha", 1.0),
        call.attribute("beta", 1.0),
        call.optional_input(2),
    )
    if bias is None:
        return left @ right * alpha
    return torch.addmm(bias, left, right, alpha=alpha, beta=beta)


def matmul(call: Call) -> Tensor:
    """Matrix product over the last two axes."""
    return call[0] @ call[1]


def einsum(call: Call) -> Tensor:
    """Sums of products by an equation."""
    return torch.einsum(call.attribute("equation"), *call.together())


def padding_sides(call: Call, kernel: Sequence[int], strides: Sequence[int]) -> PaddingSides:
    """(before, after) of each spatial axis, from `pads` or `auto_pad`."""
    spatial = call[0].shape[2:]
    automatic = call.attribute("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        dilations = call.attribute("dilations", [1] * len(kernel))
        windows = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        return [
            _same_padding(size, window, stride, automatic == "SAME_UPPER")
            for size, window, stride in zip(spatial, windows, strides, strict=True)
        ]
    pads = [0] * (2 * len(kernel)) if automatic == "VALID" else call.attribute("pads")
    pads = pads or [0] * (2 * len(kernel))
    return list(zip(pads[: len(kernel)], pads[len(kernel) :], strict=True))


def last_axis_first(padding: PaddingSides) -> list[int]:
    """The same numbers in the order that `torch.nn.functional.pad` expects."""
    return [amount for side in reversed(padding) for amount in side]


def _same_padding(size: int, window: int, stride: int, extra_after: bool) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if extra_after else (large, small)


CONVOLUTION: dict[str, Operator] = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "Einsum": einsum,
}


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


def _any(padding: PaddingSides) -> bool:
    return any(amount for side in padding for amount in side)


def _window(call: Call) -> tuple[list[int], list[int], PaddingSides]:
    kernel = call.attribute("kernel_shape")
    strides = call.attribute("strides", [1] * len(kernel))
    return kernel, strides, padding_sides(call, kernel, strides)


def _with_overhang(call: Call, padding: PaddingSides) -> PaddingSides:
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


def batch_normalization(call: Call) -> Tensor:
    """By running statistics; while training by the batch's own, which update the running ones."""
    images = call[0]
    # One value per channel has no variance: torch refuses to train on it.
    training = call.training and images.numel() > images.shape[1]
    return functional.batch_norm(
        images,
        call[3],
        call[4],
        call[1],
        call[2],
        training=training,
        momentum=1.0 - call.attribute("momentum", 0.9),  # ONNX weighs the old, torch the new
        eps=call.attribute("epsilon", 1e-5),
    )


def instance_normalization(call: Call) -> Tensor:
    """Each image's channels by their own mean and variance."""
    epsilon = call.attribute("epsilon", 1e-5)
    return functional.instance_norm(call[0], weight=call[1], bias=call[2], eps=epsilon)


def layer_normalization(call: Call) -> Tensor:
    """Over the axes from `axis` on."""
    axis = call.attribute("axis", -1) % call[0].ndim
    shape, epsilon = list(call[0].shape[axis:]), call.attribute("epsilon", 1e-5)
    weight, bias = call[1].expand(shape), call.optional_input(2)
    bias = None if bias is None else bias.expand(shape)
    return functional.layer_norm(call[0], shape, weight, bias, epsilon)


def group_normalization(call: Call) -> Tensor:
    """Over groups of channels; before opset 21 scale and bias stand per group."""
    groups, channels = call.attribute("num_groups"), call[0].shape[1]
    repeats = channels // call[1].shape[0]
    weight, bias = call[1].repeat_interleave(repeats), call[2].repeat_interleave(repeats)
    epsilon = call.attribute("epsilon", 1e-5)
    return functional.group_norm(call[0], groups, weight, bias, epsilon)


def local_response_normalization(call: Call) -> Tensor:
    """Across neighbouring channels (AlexNet)."""
    return functional.local_response_norm(
        call[0],
        call.attribute("size"),
        alpha=call.attribute("alpha", 1e-4),
        beta=call.attribute("beta", 0.75),
        k=call.attribute("bias", 1.0),
    )


def dropout(call: Call) -> Tensor:
    """Nothing, except while training."""
    ratio, ratio_input = call.attribute("ratio", 0.5), call.optional_input(1)
    ratio = ratio if ratio_input is None else float(ratio_input)
    return functional.dropout(call[0], ratio, call.training)


NORMALISATION: dict[str, Operator] = {
    "BatchNormalization": batch_normalization,
    "InstanceNormalization": instance_normalization,
    "LayerNormalization": layer_normalization,
    "GroupNormalization": group_normalization,
    "LRN": local_response_normalization,
    "Dropout": dropout,
}
