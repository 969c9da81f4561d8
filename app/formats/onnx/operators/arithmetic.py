"""Arithmetic and comparisons, element by element with broadcasting."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from app.formats.onnx.operators.call import Call, Operator


def divide(call: Call) -> Tensor:
    """Division; of whole numbers towards zero."""
    left, right = call.together()
    whole = not (left.is_floating_point() or right.is_floating_point())
    return torch.div(left, right, rounding_mode="trunc" if whole else None)


def modulo(call: Call) -> Tensor:
    """The remainder, with the sign of the divisor, or of the dividend where `fmod` is set."""
    function = torch.fmod if call.attribute("fmod", 0) else torch.remainder
    return function(*call.together())


def power(call: Call) -> Tensor:
    """The first to the power of the second, in the first's type."""
    left, right = call.together()
    return torch.pow(left, right).to(left.dtype)


def mean(call: Call) -> Tensor:
    """The mean of any number of tensors."""
    tensors = call.together()
    return functools.reduce(torch.add, tensors) / len(tensors)


def where(call: Call) -> Tensor:
    """The second where the first holds, else the third."""
    condition, yes, no = call.together()
    return torch.where(condition, yes, no)


def _each(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda call: function(call[0])


def _both(function: Callable[..., Tensor]) -> Operator:
    return lambda call: function(*call.together())


def _all(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda call: functools.reduce(function, call.together())


ARITHMETIC: dict[str, Operator] = {
    "Add": _both(torch.add),
    "Sub": _both(torch.sub),
    "Mul": _both(torch.mul),
    "Div": divide,
    "Mod": modulo,
    "Pow": power,
    "Sum": _all(torch.add),
    "Mean": mean,
    "Min": _all(torch.minimum),
    "Max": _all(torch.maximum),
    "Neg": _each(torch.neg),
    "Abs": _each(torch.abs),
    "Exp": _each(torch.exp),
    "Log": _each(torch.log),
    "Sqrt": _each(torch.sqrt),
    "Erf": _each(torch.erf),
    "Sin": _each(torch.sin),
    "Cos": _each(torch.cos),
    "Floor": _each(torch.floor),
    "Ceil": _each(torch.ceil),
    "Round": _each(torch.round),
    "Reciprocal": _each(torch.reciprocal),
    "Not": _each(torch.logical_not),
    "And": _both(torch.logical_and),
    "Or": _both(torch.logical_or),
    "Equal": _both(torch.eq),
    "Greater": _both(torch.gt),
    "GreaterOrEqual": _both(torch.ge),
    "Less": _both(torch.lt),
    "LessOrEqual": _both(torch.le),
    "Where": where,
}
