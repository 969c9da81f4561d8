"""One image file as pixels: the same path for the images of datasets and of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

READABLE = "PNG, JPEG, BMP or WebP"
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
DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def is_image_file(start: bytes) -> bool:
    """Whether bytes begin like an image file, and not like one in base64."""
    return start.startswith(_SIGNATURES)


def open_image(source: Path | IO[bytes]) -> Image.Image:
    """The file's header read, its pixels not yet; raises UnidentifiedImageError and DAMAGE."""
    image = Image.open(source, formats=_FORMATS)
    if image.mode not in _GREY | _COLOUR:
        raise ValueError(f"its pixels are of type {image.mode}, not of 8 or 16 bits")
    return image


def is_grey(image: Image.Image) -> bool:
    """Whether the pixels can have no colour."""
    return image.mode in _GREY


def is_deep(image: Image.Image) -> bool:
    """Whether the pixels are grey of 16 bits."""
    return image.mode.startswith("I;16")


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height as the image is seen, without decoding it."""
    sideways = _tells_orientation(image) and image.getexif().get(_ORIENTATION, 1) >= 5
    return (image.height, image.width) if sideways else (image.width, image.height)


def pixels_of(image: Image.Image, channels: int) -> np.ndarray:
    """uint8 (channels, height, width), grey for one channel and RGB for any other number.

    The image is turned as its camera says, white shines through what is transparent, palettes are
    resolved, 16 bits become 8, and colours become grey by their luma (ITU-R 601). Raises DAMAGE.
    """
    if _tells_orientation(image):
        image = ImageOps.exif_transpose(image)
    if is_deep(image):
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
