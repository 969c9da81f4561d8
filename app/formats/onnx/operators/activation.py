"""Activations: one tensor in, one of the same shape out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from app.formats.onnx.operators.call import Call, Operator


def clip(call: Call) -> Tensor:
    """Between a minimum and a maximum, either of which may be absent."""
    low, high = call.attribute("min", call.given(1)), call.attribute("max", call.given(2))
    if low is None and high is None:
        return call[0]
    return torch.clamp(call[0], _number(low), _number(high))


def prelu(call: Call) -> Tensor:
    """Negative values times a trained slope that broadcasts."""
    return torch.where(call[0] < 0, call[0] * call[1], call[0])


def softmax(call: Call) -> Tensor:
    """Probabilities along an axis."""
    return _along_axis(call, functional.softmax)


def log_softmax(call: Call) -> Tensor:
    """Logarithms of probabilities along an axis."""
    return _along_axis(call, functional.log_softmax)


def _along_axis(call: Call, function: Callable[..., Tensor]) -> Tensor:
    values = call[0]
    if call.opset >= 13:
        return function(values, dim=call.attribute("axis", -1))
    # Before opset 13 all axes from `axis` on were one.
    axis = call.attribute("axis", 1) % max(values.ndim, 1)
    return function(values.flatten(axis), dim=axis).reshape(values.shape)


def _number(bound: Tensor | float | None) -> float | None:
    return None if bound is None else float(bound)


def _gelu(call: Call) -> Tensor:
    return functional.gelu(call[0], approximate=call.attribute("approximate", "none"))


def _hard_sigmoid(call: Call) -> Tensor:
    line = call[0] * call.attribute("alpha", 0.2) + call.attribute("beta", 0.5)
    return line.clamp(0.0, 1.0)


def _selu(call: Call) -> Tensor:
    alpha, gamma = call.attribute("alpha", 1.67326319), call.attribute("gamma", 1.05070102)
    return gamma * functional.elu(call[0], alpha)


ACTIVATION: dict[str, Operator] = {
    "Relu": lambda call: torch.relu(call[0]),
    "LeakyRelu": lambda call: functional.leaky_relu(call[0], call.attribute("alpha", 0.01)),
    "PRelu": prelu,
    "Elu": lambda call: functional.elu(call[0], call.attribute("alpha", 1.0)),
    "Celu": lambda call: functional.celu(call[0], call.attribute("alpha", 1.0)),
    "Selu": _selu,
    "Gelu": _gelu,
    "Sigmoid": lambda call: torch.sigmoid(call[0]),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda call: functional.hardswish(call[0]),
    "Swish": lambda call: call[0] * torch.sigmoid(call[0] * call.attribute("alpha", 1.0)),
    "Mish": lambda call: functional.mish(call[0]),
    "Tanh": lambda call: torch.tanh(call[0]),
    "Softplus": lambda call: functional.softplus(call[0]),
    "Softsign": lambda call: functional.softsign(call[0]),
    "Clip": clip,
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
}
