"""Operators that change a tensor's shape or type and none of its values."""

from __future__ import annotations

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import Tensor

from app.formats.onnx.operators.call import Call, Operator

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


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
