"""Tensors of the Open Inference Protocol: as JSON and as raw bytes, to inputs, from predictions."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.domain.enums import Task
from app.domain.errors.predictions import (
    InferenceRequestInvalid,
    OutputUnknown,
    TensorInvalid,
    TooManyInputs,
)
from app.domain.predictions import AnyPrediction, LabelSetPrediction, Prediction
from app.serving.inputs import decode_text

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
# By a model's task: the name and datatype of its outputs, all with a row for each input.
OUTPUTS: dict[Task, dict[str, str]] = {
    Task.TEXT_CLASSIFICATION: {"label": "BYTES", "probabilities": "FP32"},
    Task.IMAGE_CLASSIFICATION: {"label": "BYTES", "probabilities": "FP32"},
    Task.MULTI_LABEL_CLASSIFICATION: {"labels": "BYTES", "probabilities": "FP32"},
    Task.TOKEN_CLASSIFICATION: {"tagged": "BYTES"},
}
_KNOWN_OUTPUTS = {name for outputs in OUTPUTS.values() for name in outputs}


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
        return Tensor(name, datatype, shape, _split_bytes(name, prod(shape), raw))
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


def _split_bytes(name: str, count: int, raw: memoryview) -> list[bytes]:
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


def as_inputs(tensors: Sequence[Tensor]) -> list[Any]:
    """One input for each row of the only tensor, whatever its name is.

    BYTES [n] or [n, 1]: texts, or the bytes of images; BYTES [n, words]: lists of words, short
    ones filled up with empty elements; numbers [n, ...]: arrays. Raises InferenceRequestInvalid,
    TensorInvalid and UnusableInput.
    """
    if len(tensors) != 1:
        problem = f"has {len(tensors)} input tensors"
        raise InferenceRequestInvalid(problem, "Send one: texts, or images, as the metadata says.")
    [tensor] = tensors
    if isinstance(tensor.elements, np.ndarray):
        return list(tensor.elements)
    if prod(tensor.shape[1:]) == 1:
        return list(tensor.elements)
    if len(tensor.shape) != 2:
        advice = "Send texts as [n], or sentences of words as [n, words]."
        raise TensorInvalid(tensor.name, f"of BYTES has {len(tensor.shape)} axes", advice)
    return _sentences(tensor)


def require_few(shape: tuple[int, ...], most: int) -> None:
    """Refuse a tensor of too many rows before its elements are read; raises TooManyInputs."""
    if shape[0] > most:
        raise TooManyInputs(shape[0], most)


def _sentences(tensor: Tensor) -> list[list[str]]:
    width, words = tensor.shape[1], list(tensor.elements)
    starts = range(0, len(words), width or 1)
    return [_words(position, words[start : start + width]) for position, start in enumerate(starts)]


def _words(position: int, row: Sequence[bytes | str]) -> list[str]:
    last = max((place for place, word in enumerate(row, 1) if word), default=0)
    return [word if isinstance(word, str) else decode_text(position, word) for word in row[:last]]


@dataclass(frozen=True)
class RequestedOutput:
    """An output that a request names.

    `binary` says whether it is sent as raw bytes, None as the request says for all. `classes` of
    the likeliest labels are written into text instead of all probabilities, unless it is 0.
    """

    name: str
    binary: bool | None = None
    classes: int = 0


def requested_output(name: Any, parameters: dict[str, Any]) -> RequestedOutput:
    """The output of a request; raises OutputUnknown and InferenceRequestInvalid.

    Which task the model has is not known yet: what no task gives is refused before it costs
    anything, the rest afterwards.
    """
    if name not in _KNOWN_OUTPUTS:
        raise OutputUnknown(str(name)[:100], _KNOWN_OUTPUTS)
    classes = parameters.get("classification") or 0
    if not isinstance(classes, int) or classes < 0:
        problem = "has a parameter `classification` that is no number"
        raise InferenceRequestInvalid(problem, "Send how many labels you want.")
    binary = parameters.get("binary_data")
    return RequestedOutput(name, None if binary is None else bool(binary), classes)


def as_outputs(
    predictions: Sequence[AnyPrediction], wanted: Sequence[RequestedOutput]
) -> list[Tensor]:
    """The wanted outputs in their order, or all of them; raises OutputUnknown."""
    makers = _makers(predictions[0])
    if not wanted:
        return [make(name, predictions) for name, make in makers.items()]
    for output in wanted:
        if output.name not in makers:
            raise OutputUnknown(output.name, makers)
    return [
        _likeliest(output, predictions)
        if output.classes and output.name == "probabilities"
        else makers[output.name](output.name, predictions)
        for output in wanted
    ]


def _makers(example: AnyPrediction) -> dict[str, Callable[[str, Any], Tensor]]:
    if isinstance(example, Prediction):
        return {"label": _label, "probabilities": _probabilities}
    if isinstance(example, LabelSetPrediction):
        return {"labels": _labels, "probabilities": _probabilities}
    return {"tagged": _tagged}


def _label(name: str, predictions: Sequence[Prediction]) -> Tensor:
    return _texts(name, [prediction.label for prediction in predictions])


def _labels(name: str, predictions: Sequence[LabelSetPrediction]) -> Tensor:
    return _texts(name, [to_json(prediction.labels) for prediction in predictions])


def _tagged(name: str, predictions: Sequence[Any]) -> Tensor:
    return _texts(name, [to_json(prediction) for prediction in predictions])


def _texts(name: str, elements: Sequence[bytes | str]) -> Tensor:
    return Tensor(name, "BYTES", (len(elements),), elements)


def _probabilities(name: str, predictions: Sequence[Any]) -> Tensor:
    rows = [list(prediction.probabilities.values()) for prediction in predictions]
    array = np.array(rows, dtype=np.float32)
    return Tensor(name, "FP32", array.shape, array)


def _likeliest(output: RequestedOutput, predictions: Sequence[Any]) -> Tensor:
    """Triton's form of a class: its value, its number and its label, with colons between."""
    elements: list[str] = []
    for prediction in predictions:
        numbered = enumerate(prediction.probabilities.items())
        ranked = sorted(numbered, key=lambda entry: -entry[1][1])[: output.classes]
        elements += [f"{value:f}:{number}:{label}" for number, (label, value) in ranked]
    shape = (len(predictions), len(elements) // len(predictions))
    return Tensor(output.name, "BYTES", shape, elements)
