"""Images as uint8 arrays: files decoded, arrays of any layout settled, the canonical file."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps
from safetensors import safe_open
from safetensors.numpy import save_file

from app.domain.errors.dataset_files import ArraysUnfit

# White of images whose pixels are no more than these: of two levels, and of 4 bits (or 0 to 16, as
# in scikit-learn's digits). As 8 bits they would be nearly black.
LOW_RANGE_MAXIMA = (1, 16)
# Whole numbers up to here are 8 bits, but that some pixel is white cannot be.
_DIM = 63
# Of JPEG and WebP, whose grey is not quite grey.
_GREY_TOLERANCE = 2
_ROUNDING = 1e-3
_LAYOUTS = (
    "Save images as uint8 of shape (n, height, width), (n, channels, height, width), "
    "(n, height, width, channels), with 1 or 3 channels, or (n, pixels) of square images."
)
_RANGE = "Save images as uint8 from 0 to 255, or as floats from 0 to 1 or from 0 to 255."
READABLE_FORMATS = "PNG, JPEG, BMP or WebP"
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8", b"BM", b"RIFF")
_ORIENTATION = 0x0112
# A PNG that says how it is turned says so before its pixels, or is not turned.
_TELLS_WHEN_OPENED = "PNG"
_GREY = {"1", "L", "LA", "I;16", "I;16B", "I;16L"}
_COLOUR = {"RGB", "RGBA", "P", "CMYK", "YCbCr", "PA"}
# 65535 becomes 255.
_OF_16_BITS = 257
# What Pillow raises for files that are damaged; UnidentifiedImageError is an OSError.
DECODING_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def as_pixels(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The images, and sentences on what was converted; raises `ArraysUnfit`.

    Where both the second and the last axis could be the channels, the second is taken.
    """
    images, notes = _order_axes(x)
    images, scaled = _as_uint8(images)
    return np.ascontiguousarray(images), notes + scaled


def stretch_to_uint8(images: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """uint8 images that go up to 255, though the file's white was another number; and notes.

    By the brightest pixel of all: what is at most 1 or at most 16 cannot be meant as 8 bits.
    """
    brightest = int(images.max(initial=0))
    if 0 < brightest <= max(LOW_RANGE_MAXIMA):
        white = next(white for white in LOW_RANGE_MAXIMA if brightest <= white)
        scaled = np.round(images * (255 / white)).astype(np.uint8)
        return scaled, [
            f"The pixels go from 0 to {brightest}, so {white} was taken for white and they were "
            f"multiplied by 255/{white}. Scale what you send for predictions in the same way."
        ]
    if 0 < brightest <= _DIM:
        return images, [
            f"The brightest pixel of all images is {brightest} of 255. If that is white in this "
            "file, scale the pixels to 0..255 and send it again."
        ]
    return images, []


def drop_redundant_channels(images: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """uint8 images with one channel where all three are (nearly) equal in every image; and notes.

    A model of grey images takes no others; one of colours takes both.
    """
    if images.shape[1] != 3 or not len(images):
        return images, []
    first, second, third = (images[:, channel].astype(np.int16) for channel in range(3))
    for one, other in ((first, second), (second, third), (first, third)):
        if np.abs(one - other).max(initial=0) > _GREY_TOLERANCE:
            return images, []
    return images[:, 1:2], ["All images are grey, so one channel of the three was kept."]


def _order_axes(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    if 0 in x.shape[1:]:
        raise ArraysUnfit(f"The images have the shape {x.shape}, without a pixel", _LAYOUTS)
    if x.ndim == 2 and (side := math.isqrt(x.shape[1])) ** 2 == x.shape[1] > 1:
        note = f"Rows of {x.shape[1]} numbers were read as images of {side} x {side}."
        return x.reshape(len(x), 1, side, side), [note]
    if x.ndim == 3:
        return x[:, None], []
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return x, []
    if x.ndim == 4 and x.shape[3] in (1, 3):
        return x.transpose(0, 3, 1, 2), ["The last axis was read as the channels."]
    raise ArraysUnfit(f"The images have the shape {x.shape}", _LAYOUTS)


def _as_uint8(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    if x.dtype == np.uint8 or not x.size:
        return x.astype(np.uint8, copy=False), []
    if x.dtype.kind == "b":
        return x.astype(np.uint8) * 255, ["True and False became 255 and 0."]
    if x.dtype.kind not in "iuf":
        raise ArraysUnfit(f"The images are of type {x.dtype}", _RANGE)
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= 255):  # False for NaN, too
        raise ArraysUnfit(f"The pixels go from {low:g} to {high:g}", _RANGE)
    if x.dtype.kind == "f" and not _is_whole(x, high):
        return _from_unit(x, high)
    return np.round(x).astype(np.uint8), [f"{x.dtype} from 0 to 255 was rounded to uint8."]


def _is_whole(x: np.ndarray, high: float) -> bool:
    """Whether floats count from 0 to 255, or are whole numbers; 0 and 1 alone count as 0 to 1."""
    return high > max(LOW_RANGE_MAXIMA) or (high > 1 and bool(np.all(x == np.round(x))))


def _from_unit(x: np.ndarray, high: float) -> tuple[np.ndarray, list[str]]:
    if high > 1 + _ROUNDING:
        reason = f"The pixels are fractions up to {high:g}, neither of 1 nor of 255"
        raise ArraysUnfit(reason, f"Undo what they were divided by. {_RANGE}")
    if 0 < high * 255 <= max(LOW_RANGE_MAXIMA):
        reason = f"The pixels are fractions of 1 up to {high:g}: all images are nearly black"
        raise ArraysUnfit(reason, f"They may have been divided by 255 twice. {_RANGE}")
    scaled = np.round(np.minimum(x, 1) * x.dtype.type(255)).astype(np.uint8)
    return scaled, ["Floats from 0 to 1 were multiplied by 255 and rounded."]


def is_image_file(start: bytes) -> bool:
    """Whether bytes begin like an image file, and not like one in base64."""
    return start.startswith(_SIGNATURES)


def open_image(source: Path | IO[bytes]) -> Image.Image:
    """The file's header read, its pixels not yet; raises one of DECODING_ERRORS."""
    image = Image.open(source, formats=_FORMATS)
    if image.mode not in _GREY | _COLOUR:
        raise ValueError(f"its pixels are of type {image.mode}, not of 8 or 16 bits")
    return image


def is_grey(image: Image.Image) -> bool:
    """Whether the pixels can have no colour."""
    return image.mode in _GREY


def is_16_bit(image: Image.Image) -> bool:
    """Whether the pixels are grey of 16 bits."""
    return image.mode.startswith("I;16")


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as the image is displayed, without decoding it."""
    sideways = _tells_orientation(image) and image.getexif().get(_ORIENTATION, 1) >= 5
    return (image.height, image.width) if sideways else (image.width, image.height)


def to_pixels(image: Image.Image, channels: int) -> np.ndarray:
    """uint8 (channels, height, width), grey for one channel and RGB for any other number.

    The image is turned as its camera says, white shines through what is transparent, palettes are
    resolved, 16 bits become 8, and colours become grey by their luma (ITU-R 601).
    Raises one of DECODING_ERRORS.
    """
    if _tells_orientation(image):
        image = ImageOps.exif_transpose(image)
    if is_16_bit(image):
        image = Image.fromarray(_from_16_bits(image))
    elif image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _from_16_bits(image: Image.Image) -> np.ndarray:
    values = np.asarray(image).astype(np.uint32)
    return ((values + _OF_16_BITS // 2) // _OF_16_BITS).astype(np.uint8)


def _tells_orientation(image: Image.Image) -> bool:
    return image.format != _TELLS_WHEN_OPENED or "exif" in image.info


@dataclass(frozen=True)
class ImageRows:
    """Images in the order of the uploaded file.

    `images`: uint8 (n, channels, height, width). `targets`: int64 (n,), positions in `labels`.
    """

    images: np.ndarray
    targets: np.ndarray
    labels: tuple[str, ...]


def write_image_rows(rows: ImageRows, file: Path) -> None:
    """Write safetensors with the tensors `x` and `y` and the label names in the metadata."""
    tensors = {"x": np.ascontiguousarray(rows.images), "y": rows.targets}
    save_file(tensors, file, metadata={"labels": json.dumps(rows.labels)})


def read_image_rows(file: Path, offset: int = 0, limit: int | None = None) -> ImageRows:
    """The images from the `offset`-th on (counted from 0), at most `limit`."""
    with safe_open(file, framework="np") as tensors:
        labels = tuple(json.loads(tensors.metadata()["labels"]))
        images, targets = tensors.get_slice("x"), tensors.get_tensor("y")
        # A slice of safetensors may neither be empty nor reach beyond the end.
        start = min(offset, len(targets))
        end = len(targets) if limit is None else min(offset + limit, len(targets))
        if start == end:
            nothing = np.empty((0, *images.get_shape()[1:]), dtype=np.uint8)
            return ImageRows(nothing, targets[:0], labels)
        return ImageRows(images[start:end], targets[start:end], labels)
