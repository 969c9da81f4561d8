"""Tensors of the Open Inference Protocol: as JSON values and as raw bytes, there and back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from app.domain.errors.open_inference import TensorInvalid

# Little-endian, as raw bytes are. BF16 has no numpy type and no use for images.
NUMBERS = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_MOST_AXES = 8
_LENGTH = struct.Struct("<I")
_COUNT = "Send as many elements as the shape holds."


@dataclass(frozen=True)
class Tensor:
    """A named tensor; `elements` in row-major order.

    An array of `shape` for numbers; for BYTES a flat list, text as str where it came as JSON.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    elements: np.ndarray | Sequence[bytes | str]


def checked_shape(name: str, shape: Any) -> tuple[int, ...]:
    """The shape as a tuple of 1 to 8 sizes; raises TensorInvalid."""
    sizes = tuple(shape) if isinstance(shape, list | tuple) else ()
    if not 0 < len(sizes) <= _MOST_AXES or not all(_is_size(size) for size in sizes):
        advice = f"Send one to {_MOST_AXES} whole numbers, the number of inputs first."
        raise TensorInvalid(name, f"has the shape {shape!r}"[:200], advice)
    return sizes


def from_values(name: str, datatype: str, shape: tuple[int, ...], values: Any) -> Tensor:
    """A tensor of JSON `data`, flat or nested as the shape; raises TensorInvalid."""
    if datatype == "BYTES":
        elements = _flat_texts(name, values)
        _require_count(name, len(elements), shape)
        return Tensor(name, datatype, shape, elements)
    array = _as_numbers(name, datatype, values)
    _require_count(name, array.size, shape)
    return Tensor(name, datatype, shape, array.reshape(shape))


def from_raw(name: str, datatype: str, shape: tuple[int, ...], raw: memoryview) -> Tensor:
    """A tensor of raw bytes: little-endian, without padding; raises TensorInvalid."""
    if datatype == "BYTES":
        return Tensor(name, datatype, shape, _split(name, prod(shape), raw))
    wanted = _number_type(name, datatype)
    if len(raw) != prod(shape) * wanted.itemsize:
        got = f"has {len(raw)} bytes where its shape needs {prod(shape) * wanted.itemsize}"
        raise TensorInvalid(name, got, _COUNT)
    return Tensor(name, datatype, shape, np.frombuffer(raw, wanted).reshape(shape))


def to_values(tensor: Tensor) -> list[Any]:
    """The elements as a flat list for JSON."""
    if isinstance(tensor.elements, np.ndarray):
        values: list[Any] = tensor.elements.ravel().tolist()
        return values
    return [one if isinstance(one, str) else one.decode("utf-8") for one in tensor.elements]


def to_raw(tensor: Tensor) -> bytes:
    """The elements as raw bytes; each of BYTES after its length in four bytes."""
    if isinstance(tensor.elements, np.ndarray):
        return np.ascontiguousarray(tensor.elements, NUMBERS[tensor.datatype]).tobytes()
    parts: list[bytes] = []
    for one in tensor.elements:
        data = one.encode("utf-8") if isinstance(one, str) else one
        parts += (_LENGTH.pack(len(data)), data)
    return b"".join(parts)


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0


def _require_count(name: str, got: int, shape: tuple[int, ...]) -> None:
    if got != prod(shape):
        raise TensorInvalid(name, f"has {got} elements where its shape holds {prod(shape)}", _COUNT)


def _number_type(name: str, datatype: str) -> np.dtype:
    if datatype not in NUMBERS:
        problem = f"has the datatype {datatype!r}"[:100]
        raise TensorInvalid(name, problem, f"Use BYTES, {', '.join(NUMBERS)}.")
    return NUMBERS[datatype]


def _as_numbers(name: str, datatype: str, values: Any) -> np.ndarray:
    wanted = _number_type(name, datatype)
    try:
        found = np.asarray(values if isinstance(values, list | np.ndarray) else None)
        taken = {"f": "iuf", "b": "b"}.get(wanted.kind, "iu")
        if found.size and found.dtype.kind not in taken:
            raise TensorInvalid(name, f"holds elements that are no {datatype}", _COUNT)
        if wanted.kind in "iu" and found.size and not _fits(found, wanted):
            raise TensorInvalid(name, f"holds numbers too large for {datatype}", "Scale them.")
        return found.astype(wanted)
    except (ValueError, OverflowError) as cause:
        raise TensorInvalid(name, "has rows of unequal length", _COUNT) from cause


def _fits(found: np.ndarray, wanted: np.dtype) -> bool:
    limits = np.iinfo(wanted)
    return bool(limits.min <= int(found.min()) and int(found.max()) <= limits.max)


def _flat_texts(name: str, values: Any) -> list[bytes | str]:
    rest: list[Any] = [values]
    texts: list[bytes | str] = []
    while rest:
        value = rest.pop()
        if isinstance(value, str | bytes):
            texts.append(value)
        elif isinstance(value, list):
            rest += reversed(value)
        else:
            raise TensorInvalid(name, "holds elements that are no texts", "Send BYTES as strings.")
    return texts


def _split(name: str, count: int, raw: memoryview) -> list[bytes]:
    elements, place, size = [], 0, len(raw)
    while place + _LENGTH.size <= size:
        start = place + _LENGTH.size
        place = start + _LENGTH.unpack_from(raw, place)[0]
        if place > size:
            break
        elements.append(bytes(raw[start:place]))
    if place != size:
        advice = "Write each element as its length (4 bytes, little-endian) and its bytes."
        raise TensorInvalid(name, "has BYTES whose lengths do not add up", advice)
    _require_count(name, len(elements), (count,))
    return elements
