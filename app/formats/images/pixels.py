"""Pixels of any layout, range and number type as uint8 (n, channels, height, width)."""

from __future__ import annotations

import math

import numpy as np

from app.domain.errors.image_files import ArraysUnfit

# White of images whose pixels are no more than these: of two levels, and of 4 bits (or 0 to 16, as
# in scikit-learn's digits). As 8 bits they would be nearly black.
DARK_WHITES = (1, 16)
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


def as_pixels(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The images, and sentences on what was converted; raises `ArraysUnfit`.

    Where both the second and the last axis could be the channels, the second is taken.
    """
    images, notes = _order_axes(x)
    images, scaled = _as_uint8(images)
    return np.ascontiguousarray(images), notes + scaled


def whole_range(images: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """uint8 images that go up to 255, though the file's white was another number; and notes.

    By the brightest pixel of all: what is at most 1 or at most 16 cannot be meant as 8 bits.
    """
    brightest = int(images.max(initial=0))
    if 0 < brightest <= max(DARK_WHITES):
        white = next(white for white in DARK_WHITES if brightest <= white)
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


def without_needless_colour(images: np.ndarray) -> tuple[np.ndarray, list[str]]:
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
    return high > max(DARK_WHITES) or (high > 1 and bool(np.all(x == np.round(x))))


def _from_unit(x: np.ndarray, high: float) -> tuple[np.ndarray, list[str]]:
    if high > 1 + _ROUNDING:
        reason = f"The pixels are fractions up to {high:g}, neither of 1 nor of 255"
        raise ArraysUnfit(reason, f"Undo what they were divided by. {_RANGE}")
    if 0 < high * 255 <= max(DARK_WHITES):
        reason = f"The pixels are fractions of 1 up to {high:g}: all images are nearly black"
        raise ArraysUnfit(reason, f"They may have been divided by 255 twice. {_RANGE}")
    scaled = np.round(np.minimum(x, 1) * x.dtype.type(255)).astype(np.uint8)
    return scaled, ["Floats from 0 to 1 were multiplied by 255 and rounded."]
