"""One image of a prediction request: PNG or JPEG, as base64 or as bytes, or numbers."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from app.domain.errors.predictions import ImageOfAnotherShape, UnusableInput
from app.domain.models import ImageInput

# An image that a model scales down may be large, but not a decompression bomb.
_MOST_PIXELS = 50_000_000
_SIGNATURES = (b"\x89PNG", b"\xff\xd8")
_FORMS = (
    "Send a PNG or JPEG as base64, or nested numbers: [height][width], "
    "[channels][height][width] or [height][width][channels]; whole numbers count from 0 to 255, "
    "decimal numbers from 0 to 1."
)


def prepare_image(position: int, given: Any, wanted: ImageInput) -> np.ndarray:
    """The image, uint8 (channels, height, width).

    `given`: base64 as text or bytes, a file's bytes, nested numbers, or an array of 2 or 3 axes.
    Numbers with a decimal point of at most 1 are taken as 0..1, all others as 0..255. Raises
    UnusableInput; ImageOfAnotherShape unless the model resizes.
    """
    if isinstance(given, str):
        image = _decode(position, _from_base64(position, given), wanted.channels)
    elif isinstance(given, bytes):
        file = given if given.startswith(_SIGNATURES) else _from_base64(position, given)
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
    try:
        text = given if isinstance(given, str) else given.decode("ascii")
        # A browser's data URL has its media type before a comma.
        return base64.b64decode(text.rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as cause:
        raise UnusableInput(position, "is no PNG or JPEG in base64", _FORMS) from cause


def _decode(position: int, data: bytes, channels: int) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise UnusableInput(position, f"has over {_MOST_PIXELS} pixels", "Scale it down.")
            return _channels_first(_flattened(position, image), channels)
    except UnidentifiedImageError as cause:
        raise UnusableInput(position, "is no PNG or JPEG", _FORMS) from cause
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as cause:
        raise UnusableInput(position, f"is damaged: {cause}", "Send the whole file.") from cause


def _flattened(position: int, image: Image.Image) -> Image.Image:
    """The image without transparency (white shines through), in 8 bits."""
    if image.mode.startswith(("I", "F")):
        raise UnusableInput(position, "has more than 8 bits per channel", "Convert it to 8 bits.")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image


def _channels_first(image: Image.Image, channels: int) -> np.ndarray:
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _numbers(position: int, given: list[Any] | np.ndarray) -> np.ndarray:
    try:
        numbers = np.asarray(given)
    except ValueError as cause:
        raise UnusableInput(position, "has rows of unequal length", _FORMS) from cause
    if numbers.dtype.kind not in "iuf" or numbers.size == 0:
        raise UnusableInput(position, "holds something else than numbers", _FORMS)
    if numbers.dtype == np.uint8:
        return numbers
    if numbers.dtype.kind == "f" and numbers.max() <= 1:
        numbers = numbers * 255
    if not (np.isfinite(numbers).all() and numbers.min() >= 0 and numbers.max() <= 255):
        raise UnusableInput(position, "holds numbers outside 0 to 255", _FORMS)
    return np.rint(numbers).astype(np.uint8)


def _arrange(position: int, numbers: np.ndarray, wanted: ImageInput) -> np.ndarray:
    if numbers.ndim == 2:
        return np.repeat(numbers[None], wanted.channels, axis=0)
    if numbers.ndim != 3:
        raise UnusableInput(position, f"is nested {numbers.ndim} deep", _FORMS)
    channels_last = np.ascontiguousarray(numbers.transpose(2, 0, 1))
    fits = channels_last.shape == (wanted.channels, wanted.height, wanted.width)
    only_so = channels_last.shape[0] == wanted.channels and numbers.shape[0] != wanted.channels
    return channels_last if fits or only_so else numbers
