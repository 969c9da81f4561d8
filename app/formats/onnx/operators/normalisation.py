"""Normalisations, and dropout, which like them works otherwise while training."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from app.formats.onnx.operators.call import Call, Operator


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
    weight, bias = call[1].expand(shape), call.given(2)
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
    ratio, given = call.attribute("ratio", 0.5), call.given(1)
    ratio = ratio if given is None else float(given)
    return functional.dropout(call[0], ratio, call.training)


NORMALISATION: dict[str, Operator] = {
    "BatchNormalization": batch_normalization,
    "InstanceNormalization": instance_normalization,
    "LayerNormalization": layer_normalization,
    "GroupNormalization": group_normalization,
    "LRN": local_response_normalization,
    "Dropout": dropout,
}
