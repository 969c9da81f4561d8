"""ONNX operators on any tensor in torch: element by element, over axes, of shapes and parts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import Tensor
from torch.nn import functional

from app.formats.onnx.graph import Step

Reduction = Callable[..., Tensor]
_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


@dataclass(frozen=True)
class Call:
    """What an operator function receives.

    Whole numbers (shapes, axes, positions) lie on the CPU, so that reading them never waits for
    an accelerator. `training` is the network's own mode.
    """

    step: Step
    inputs: tuple[Tensor | None, ...]
    opset: int
    training: bool

    def __getitem__(self, position: int) -> Tensor:
        """The input at `position`, which the operator requires."""
        tensor = self.optional_input(position)
        if tensor is None:
            raise ValueError(f"input {position} is missing")
        return tensor

    def optional_input(self, position: int) -> Tensor | None:
        """The input at `position`, None where the graph leaves it out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute as a plain Python value."""
        return self.step.attributes.get(name, default)

    def integers(self, name: str, position: int) -> list[int] | None:
        """Axes, shapes and the like: an attribute in old opsets, an input in newer ones."""
        if name in self.step.attributes:
            return [int(value) for value in self.step.attributes[name]]
        tensor = self.optional_input(position)
        return None if tensor is None else [int(value) for value in tensor.flatten().tolist()]

    def together(self) -> list[Tensor]:
        """All inputs on one device: that of the first that is not on the CPU."""
        tensors = [tensor for tensor in self.inputs if tensor is not None]
        device = next((t.device for t in tensors if t.device.type != "cpu"), torch.device("cpu"))
        return [tensor.to(device) for tensor in tensors]


Operator = Callable[[Call], Tensor | tuple[Tensor, ...]]


def clip(call: Call) -> Tensor:
    """Between a minimum and a maximum, either of which may be absent."""
    low, high = (
        call.attribute("min", call.optional_input(1)),
        call.attribute("max", call.optional_input(2)),
    )
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


def gather(call: Call) -> Tensor:
    """The positions given along one axis."""
    data, axis = call[0], call.attribute("axis", 0) % call[0].ndim
    positions = call[1].to(data.device).long()
    positions = torch.where(positions < 0, positions + data.shape[axis], positions)
    picked = data.index_select(axis, positions.flatten())
    return picked.reshape((*data.shape[:axis], *positions.shape, *data.shape[axis + 1 :]))


def slice_tensor(call: Call) -> Tensor:
    """From starts to ends in steps, which may go backwards."""
    starts, ends = call.integers("starts", 1) or [], call.integers("ends", 2) or []
    axes = call.integers("axes", 3) or list(range(len(starts)))
    steps = call.integers("steps", 4) or [1] * len(starts)
    values = call[0]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        picked = range(*slice(start, end, step).indices(values.shape[axis]))
        if step == 1:
            values = values.narrow(axis, picked.start, len(picked))
        else:
            values = values.index_select(axis, torch.tensor(list(picked), device=values.device))
    return values


def split(call: Call) -> tuple[Tensor, ...]:
    """Into parts of given sizes, or of equal ones but for the last."""
    axis = call.attribute("axis", 0)
    sizes = call.integers("split", 1)
    if sizes is None:
        count = call.attribute("num_outputs", len(call.step.outputs))
        return call[0].split(-(-call[0].shape[axis] // count), dim=axis)
    return call[0].split(sizes, dim=axis)


def concatenate(call: Call) -> Tensor:
    """Along one axis."""
    return torch.cat(call.together(), dim=call.attribute("axis", 0))


def tile(call: Call) -> Tensor:
    """Repeated along each axis."""
    return call[0].repeat(call.integers("repeats", 1) or [])


def pad(call: Call) -> Tensor:
    """More at both ends of the axes given; negative amounts cut off."""
    pads = call.integers("pads", 1) or []
    axes = call.integers("axes", 3) or list(range(len(pads) // 2))
    amounts = [(0, 0)] * call[0].ndim
    for place, axis in enumerate(axes):
        amounts[axis] = (pads[place], pads[len(axes) + place])
    # torch counts from the last axis; axes before the first that is padded must be left out,
    # because it reflects and replicates over the last ones alone.
    while len(amounts) > 1 and amounts[0] == (0, 0):
        amounts = amounts[1:]
    mode = _PAD_MODES[call.attribute("mode", "constant")]
    flat = [amount for side in reversed(amounts) for amount in side]
    fill = call.attribute("value", call.optional_input(2))
    value = float(fill) if fill is not None and mode == "constant" else None
    return functional.pad(call[0], flat, mode=mode, value=value)


SELECTION: dict[str, Operator] = {
    "Gather": gather,
    "Slice": slice_tensor,
    "Split": split,
    "Concat": concatenate,
    "Tile": tile,
    "Pad": pad,
}


def shape(call: Call) -> Tensor:
    """The shape, or the part of it from `start` to `end`, int64 on the CPU."""
    part = slice(call.attribute("start"), call.attribute("end"))
    return torch.tensor(list(call[0].shape)[part], dtype=torch.int64)


def reshape(call: Call) -> Tensor:
    """To a shape in which -1 is inferred, and 0 copied unless `allowzero` is set."""
    target = call.integers("shape", 1) or []
    if not call.attribute("allowzero", 0):
        target = [call[0].shape[axis] if n == 0 else n for axis, n in enumerate(target)]
    return call[0].reshape(target)


def flatten(call: Call) -> Tensor:
    """To two axes, cut before `axis`."""
    axis = call.attribute("axis", 1)
    axis = axis + call[0].ndim if axis < 0 else axis
    before = int(np.prod(call[0].shape[:axis], dtype=np.int64))
    return call[0].reshape(before, -1)


def transpose(call: Call) -> Tensor:
    """The axes in another order, reversed where none is given."""
    return call[0].permute(call.attribute("perm", list(reversed(range(call[0].ndim)))))


def squeeze(call: Call) -> Tensor:
    """Without the axes given, or without all of size 1."""
    axes = call.integers("axes", 1)
    return call[0].squeeze() if axes is None else call[0].squeeze(tuple(axes))


def unsqueeze(call: Call) -> Tensor:
    """With new axes of size 1 at the places given."""
    axes = call.integers("axes", 1) or []
    ndim, values = call[0].ndim + len(axes), call[0]
    for axis in sorted(axis % ndim for axis in axes):
        values = values.unsqueeze(axis)
    return values


def expand(call: Call) -> Tensor:
    """Broadcast to a shape."""
    target = torch.broadcast_shapes(call[0].shape, tuple(call.integers("shape", 1) or []))
    return call[0].expand(target)


def cast(call: Call) -> Tensor:
    """To another type; every float type is float32 here."""
    kind = call.attribute("to")
    if kind in _FLOATS:
        return call[0] if call[0].is_floating_point() else call[0].float()
    name = np.dtype(helper.tensor_dtype_to_np_dtype(kind)).name
    return call[0].to(getattr(torch, name))


def constant_of_shape(call: Call) -> Tensor:
    """One value in a given shape."""
    value = call.attribute("value", np.zeros(1, dtype=np.float32))
    return torch.from_numpy(value.copy()).expand(tuple(call.integers("shape", 0) or [])).clone()


SHAPING: dict[str, Operator] = {
    "Shape": shape,
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Expand": expand,
    "Cast": cast,
    "CastLike": lambda call: call[0].to(call[1].dtype),
    "ConstantOfShape": constant_of_shape,
    "Identity": lambda call: call[0],
    "Size": lambda call: torch.tensor(call[0].numel()),
}
