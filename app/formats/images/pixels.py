"""Pixels of any layout and number type as uint8 (n, channels, height, width)."""

from __future__ import annotations

import numpy as np

from app.domain.errors.image_files import ArraysUnfit

_LAYOUTS = (
    "Save images as uint8 of shape (n, height, width), (n, channels, height, width) or "
    "(n, height, width, channels), with 1 or 3 channels."
)
_RANGE = "Save images as uint8 from 0 to 255, or as floats from 0 to 1 or from 0 to 255."


def as_pixels(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The images, and sentences on what was converted; raises `ArraysUnfit`.

    Where both the second and the last axis could be the channels, the second is taken.
    """
    images, notes = _order_axes(x)
    images, scaled = _as_uint8(images)
    return np.ascontiguousarray(images), notes + scaled


def _order_axes(x: np.ndarray) -> tuple[np.ndarray, list[str]]:
    if 0 in x.shape[1:]:
        raise ArraysUnfit(f"The images have the shape {x.shape}, without a pixel", _LAYOUTS)
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
    if x.dtype.kind == "f" and high <= 1:
        scaled = np.round(x * x.dtype.type(255)).astype(np.uint8)
        return scaled, ["Floats from 0 to 1 were multiplied by 255 and rounded."]
    return np.round(x).astype(np.uint8), [f"{x.dtype} from 0 to 255 was rounded to uint8."]
