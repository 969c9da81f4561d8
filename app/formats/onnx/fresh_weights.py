"""Drawing a weight anew."""

from __future__ import annotations

import math

from torch import Tensor

from app.formats.onnx.weights import Kind, Weight

_CONSTANTS = {
    Kind.SCALE: 1.0,
    Kind.SHIFT: 0.0,
    Kind.SLOPE: 0.25,
    Kind.MEAN: 0.0,
    Kind.VARIANCE: 1.0,
}


def draw(tensor: Tensor, weight: Weight) -> None:
    """Fill the tensor in place as torch initialises its layers.

    Weights and biases are uniform within 1 / sqrt(fan_in) (LeCun et al., "Efficient BackProp",
    1998); scales, slopes and running statistics start as if they were not there.
    """
    if weight.kind in _CONSTANTS:
        tensor.fill_(_CONSTANTS[weight.kind])
        return
    bound = 1 / math.sqrt(max(weight.fan_in, 1))
    tensor.uniform_(-bound, bound)
