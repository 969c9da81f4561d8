"""Turns the inputs of a prediction request into what networks take, or says which is wrong."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from app.domain.enums import Task
from app.domain.errors.predictions import ImageOfAnotherShape, UnusableInput
from app.domain.models import ImageInput, ModelFacts
from app.domain.tagging import split_words
from app.formats.images.pixels import (
    DECODING_ERRORS,
    LOW_RANGE_MAXIMA,
    READABLE_FORMATS,
    is_image_file,
    open_image,
    to_pixels,
)

_SENTENCE_ADVICE = 'Send a text, or its words as a list: ["Turn", "on", "the", "lights"].'
# An image that a model scales down may be large, but not a decompression bomb.
_MOST_PIXELS = 50_000_000
_ROUNDING = 1e-3
# What is written by cameras may be as dark as it is; by others it has another white.
_WRITTEN_BY_PROGRAMS = ("PNG", "BMP")
_SPACES = str.maketrans("-_", "+/", " \t\r\n")
_IMAGE_ADVICE = (
    f"Send a {READABLE_FORMATS} as base64, or nested numbers: [height][width], "
    "[channels][height][width] or [height][width][channels]; whole numbers count from 0 to 255, "
    "decimal numbers from 0 to 1."
)


@dataclass(frozen=True)
class Sentence:
    """A text and where its words lie in it."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words themselves."""
        return tuple(self.text[start:end] for start, end in self.spans)


PreparedInputs = list[str] | list[np.ndarray] | list[Sentence]


def prepare_inputs(facts: ModelFacts, inputs: list[Any]) -> PreparedInputs:
    """Texts, sentences, or uint8 images (channels, height, width), as the facts demand.

    A text may be its UTF-8 bytes, an image the bytes of a file or an array of numbers.
    Decoding images takes a while; call it off the event loop. Raises UnusableInput and
    ImageOfAnotherShape, which name the input's position.
    """
    if isinstance(facts.input, ImageInput):
        wanted = facts.input
        return [prepare_image(position, value, wanted) for position, value in enumerate(inputs)]
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [_decode_sentence(position, value) for position, value in enumerate(inputs)]
    return [_prepare_text(position, value) for position, value in enumerate(inputs)]


def _decode_sentence(position: int, value: Any) -> Sentence:
    if isinstance(value, bytes):
        value = decode_text(position, value)
    sentence = prepare_sentence(position, value)
    _prepare_text(position, sentence.text)
    return sentence


def _prepare_text(position: int, value: Any) -> str:
    if isinstance(value, bytes):
        value = decode_text(position, value)
    if not isinstance(value, str):
        kind = type(value).__name__
        raise UnusableInput(position, f"is no text but {kind}", "This model takes texts.")
    if not value.strip():
        raise UnusableInput(position, "is empty", "Leave empty texts out of the request.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as cause:
        problem = f"holds half a character (a lone surrogate) at {cause.start}"
        raise UnusableInput(position, problem, "Send whole Unicode characters.") from cause
    return value


def decode_text(position: int, value: bytes) -> str:
    """The text of UTF-8 bytes; raises UnusableInput."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as cause:
        problem = f"is no UTF-8 text: byte {cause.start} is wrong"
        raise UnusableInput(position, problem, "Send texts in UTF-8.") from cause


def prepare_sentence(position: int, value: Any) -> Sentence:
    """The words of a text, by `split_words`, or those of a list; raises UnusableInput."""
    if isinstance(value, str):
        spans = tuple(split_words(value))
    elif isinstance(value, list) and all(isinstance(word, str) and word.strip() for word in value):
        spans, value = _joined(value)
    else:
        raise UnusableInput(position, "is neither a text nor a list of words", _SENTENCE_ADVICE)
    if not spans:
        raise UnusableInput(position, "holds no word", _SENTENCE_ADVICE)
    return Sentence(value, spans)


def _joined(words: list[str]) -> tuple[tuple[tuple[int, int], ...], str]:
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return tuple(spans), " ".join(words)


def prepare_image(position: int, value: Any, wanted: ImageInput) -> np.ndarray:
    """The image, uint8 (channels, height, width).

    `value`: base64 as text or bytes, a file's bytes, nested numbers, or an array of 2 or 3 axes
    (of 1 for grey images: all pixels in a row). Numbers with a decimal point of at most 1 are taken
    as 0..1, all others as 0..255. A model of grey images gets colours as their luma, one of colours
    gets grey thrice. Raises UnusableInput; ImageOfAnotherShape unless the model resizes.
    """
    if isinstance(value, str):
        image = _decode(position, _from_base64(position, value), wanted.channels)
    elif isinstance(value, bytes):
        file = value if is_image_file(value) else _from_base64(position, value)
        image = _decode(position, file, wanted.channels)
    elif isinstance(value, list | np.ndarray):
        image = _arrange(position, _numbers(position, value), wanted)
    else:
        raise UnusableInput(position, f"is no image but {type(value).__name__}", _IMAGE_ADVICE)
    shape = (wanted.channels, wanted.height, wanted.width)
    if image.shape[0] != wanted.channels or (image.shape != shape and not wanted.resizes):
        raise ImageOfAnotherShape(position, image.shape, shape)
    return image


def _from_base64(position: int, value: str | bytes) -> bytes:
    """Of either alphabet, with or without line breaks and filling."""
    try:
        text = value if isinstance(value, str) else value.decode("ascii")
        # A browser's data URL has its media type before a comma.
        digits = text.rpartition(",")[2].translate(_SPACES).rstrip("=")
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise UnusableInput(
            position, f"is no {READABLE_FORMATS} in base64", _IMAGE_ADVICE
        ) from cause


def _decode(position: int, data: bytes, channels: int) -> np.ndarray:
    try:
        with open_image(io.BytesIO(data)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise UnusableInput(position, f"has over {_MOST_PIXELS} pixels", "Scale it down.")
            pixels = to_pixels(image, channels)
            if image.format in _WRITTEN_BY_PROGRAMS:
                _refuse_another_white(position, pixels)
            return pixels
    except UnidentifiedImageError as cause:
        raise UnusableInput(position, f"is no {READABLE_FORMATS}", _IMAGE_ADVICE) from cause
    except DECODING_ERRORS as cause:
        problem = f"cannot be decoded: {cause}"
        raise UnusableInput(position, problem, "Send the whole file.") from cause


def _numbers(position: int, value: list[Any] | np.ndarray) -> np.ndarray:
    try:
        numbers = np.asarray(value)
    except ValueError as cause:
        raise UnusableInput(position, "has rows of unequal length", _IMAGE_ADVICE) from cause
    if numbers.dtype.kind not in "biuf" or numbers.size == 0:
        raise UnusableInput(position, "holds something else than numbers", _IMAGE_ADVICE)
    if numbers.dtype.kind == "b":
        return numbers.astype(np.uint8) * 255
    if numbers.dtype.kind == "f" and numbers.max() <= 1 + _ROUNDING:
        numbers = np.minimum(numbers, 1) * 255
    if not (np.isfinite(numbers).all() and numbers.min() >= 0 and numbers.max() <= 255):
        raise UnusableInput(position, "holds numbers outside 0 to 255", _IMAGE_ADVICE)
    pixels: np.ndarray = np.rint(numbers).astype(np.uint8)
    _refuse_another_white(position, pixels)
    return pixels


def _refuse_another_white(position: int, pixels: np.ndarray) -> None:
    """A dataset of such images was scaled by its brightest pixel; one image does not tell it."""
    brightest = int(pixels.max())
    if 0 < brightest <= max(LOW_RANGE_MAXIMA):
        raise UnusableInput(
            position,
            f"is nearly black: its brightest pixel is {brightest} of 255",
            "Where white is 1 or 16, multiply by 255 or 255/16, as a dataset's report says.",
        )


def _arrange(position: int, numbers: np.ndarray, wanted: ImageInput) -> np.ndarray:
    """uint8 (channels, height, width) from any order of axes."""
    if numbers.ndim == 1 and numbers.size == wanted.height * wanted.width:
        numbers = numbers.reshape(wanted.height, wanted.width)
    if numbers.ndim == 2:
        return np.repeat(numbers[None], wanted.channels, axis=0)
    if numbers.ndim != 3:
        raise UnusableInput(position, f"is nested {numbers.ndim} deep", _IMAGE_ADVICE)
    if wanted.channels == 1 and numbers.shape[0] != 1:
        return _grey(numbers)
    channels_last = np.ascontiguousarray(numbers.transpose(2, 0, 1))
    fits = channels_last.shape == (wanted.channels, wanted.height, wanted.width)
    only_so = channels_last.shape[0] == wanted.channels and numbers.shape[0] != wanted.channels
    arranged = channels_last if fits or only_so else numbers
    return np.repeat(arranged, wanted.channels, axis=0) if len(arranged) == 1 else arranged


def _grey(numbers: np.ndarray) -> np.ndarray:
    """uint8 (1, height, width) from images of three channels, first or last; others as they are."""
    if numbers.shape[2] == 1:
        return np.ascontiguousarray(numbers.transpose(2, 0, 1))
    if numbers.shape[0] == 3 and numbers.shape[2] != 3:
        numbers = np.ascontiguousarray(numbers.transpose(1, 2, 0))
    if numbers.shape[2] != 3:
        return numbers
    return np.asarray(Image.fromarray(numbers, "RGB").convert("L"))[None]
