"""Operators that take parts of tensors, or put tensors together."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from app.formats.onnx.operators.call import Call, Operator

_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def gather(call: Call) -> Tensor:
    """The positions given along one axis."""
    data, axis = call[0], call.attribute("axis", 0) % call[0].ndim
    positions = call[1].to(data.device).long()
    positions = torch.where(positions < 0, positions + data.shape[axis], positions)
    picked = data.index_select(axis, positions.flatten())
    return picked.reshape((*data.shape[:axis], *positions.shape, *data.shape[axis + 1 :]))


def cut(call: Call) -> Tensor:
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
    given = call.attribute("value", call.given(2))
    value = float(given) if given is not None and mode == "constant" else None
    return functional.pad(call[0], flat, mode=mode, value=value)


SELECTION: dict[str, Operator] = {
    "Gather": gather,
    "Slice": cut,
    "Split": split,
    "Concat": concatenate,
    "Tile": tile,
    "Pad": pad,
}
