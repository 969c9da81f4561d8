"""One image of a prediction request: a file, as base64 or as bytes, or numbers."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from app.domain.errors.predictions import ImageOfAnotherShape, UnusableInput
from app.domain.models import ImageInput
from app.formats.images.decoding import DAMAGE, READABLE, is_image_file, open_image, pixels_of
from app.formats.images.pixels import DARK_WHITES

# An image that a model scales down may be large, but not a decompression bomb.
_MOST_PIXELS = 50_000_000
_ROUNDING = 1e-3
# What is written by cameras may be as dark as it is; by others it has another white.
_WRITTEN_BY_PROGRAMS = ("PNG", "BMP")
_SPACES = str.maketrans("-_", "+/", " \t\r\n")
_FORMS = (
    f"Send a {READABLE} as base64, or nested numbers: [height][width], "
    "[channels][height][width] or [height][width][channels]; whole numbers count from 0 to 255, "
    "decimal numbers from 0 to 1."
)


def prepare_image(position: int, given: Any, wanted: ImageInput) -> np.ndarray:
    """The image, uint8 (channels, height, width).

    `given`: base64 as text or bytes, a file's bytes, nested numbers, or an array of 2 or 3 axes
    (of 1 for grey images: all pixels in a row). Numbers with a decimal point of at most 1 are taken
    as 0..1, all others as 0..255. A model of grey images gets colours as their luma, one of colours
    gets grey thrice. Raises UnusableInput; ImageOfAnotherShape unless the model resizes.
    """
    if isinstance(given, str):
        image = _decode(position, _from_base64(position, given), wanted.channels)
    elif isinstance(given, bytes):
        file = given if is_image_file(given) else _from_base64(position, given)
        image = _decode(position, file, wanted.channels)
    elif isinstance(given, list | np.ndarray):
        image = _arrange(position, _numbers(position, given), wanted)
    else:
        raise UnusableInput(position, f"is no image but {type(given).__name__}", _FORMS)
    shape = (wanted.channels, wanted.height, wanted.width)
    if image.shape[0] != wanted.channels or (image.shape != shape and not wanted.resizes):
        raise ImageOfAnotherShape(position, image.shape, shape)
    return image


def _from_base64(position: int, given: str | bytes) -> bytes:
    """Of either alphabet, with or without line breaks and filling."""
    try:
        text = given if isinstance(given, str) else given.decode("ascii")
        # A browser's data URL has its media type before a comma.
        digits = text.rpartition(",")[2].translate(_SPACES).rstrip("=")
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise UnusableInput(position, f"is no {READABLE} in base64", _FORMS) from cause


def _decode(position: int, data: bytes, channels: int) -> np.ndarray:
    try:
        with open_image(io.BytesIO(data)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise UnusableInput(position, f"has over {_MOST_PIXELS} pixels", "Scale it down.")
            pixels = pixels_of(image, channels)
            if image.format in _WRITTEN_BY_PROGRAMS:
                _refuse_another_white(position, pixels)
            return pixels
    except UnidentifiedImageError as cause:
        raise UnusableInput(position, f"is no {READABLE}", _FORMS) from cause
    except DAMAGE as cause:
        problem = f"cannot be decoded: {cause}"
        raise UnusableInput(position, problem, "Send the whole file.") from cause


def _numbers(position: int, given: list[Any] | np.ndarray) -> np.ndarray:
    try:
        numbers = np.asarray(given)
    except ValueError as cause:
        raise UnusableInput(position, "has rows of unequal length", _FORMS) from cause
    if numbers.dtype.kind not in "biuf" or numbers.size == 0:
        raise UnusableInput(position, "holds something else than numbers", _FORMS)
    if numbers.dtype.kind == "b":
        return numbers.astype(np.uint8) * 255
    if numbers.dtype.kind == "f" and numbers.max() <= 1 + _ROUNDING:
        numbers = np.minimum(numbers, 1) * 255
    if not (np.isfinite(numbers).all() and numbers.min() >= 0 and numbers.max() <= 255):
        raise UnusableInput(position, "holds numbers outside 0 to 255", _FORMS)
    pixels: np.ndarray = np.rint(numbers).astype(np.uint8)
    _refuse_another_white(position, pixels)
    return pixels


def _refuse_another_white(position: int, pixels: np.ndarray) -> None:
    """A dataset of such images was scaled by its brightest pixel; one image does not tell it."""
    brightest = int(pixels.max())
    if 0 < brightest <= max(DARK_WHITES):
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
        raise UnusableInput(position, f"is nested {numbers.ndim} deep", _FORMS)
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
