"""From input tensors to the inputs that the data plane takes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from app.api.oip.tensors import Tensor
from app.domain.errors.open_inference import InferenceRequestInvalid, TensorInvalid
from app.domain.errors.predictions import TooManyInputs
from app.serving.inputs import decode_text


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
