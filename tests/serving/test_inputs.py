"""An image file means the same pixels in a dataset and in a prediction."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.domain.errors.predictions import UnusableInput
from app.domain.models import ImageInput
from app.formats.images.pixels import read_image_rows
from app.formats.read_dataset import read_dataset
from app.serving.inputs import prepare_image
from tests.support.archives import a_zip

_GREY = np.add.outer(np.arange(0, 240, 20), np.arange(0, 16)).astype(np.uint8)  # 12 x 16
_COLOUR = np.stack([_GREY, 255 - _GREY, _GREY.T.copy().reshape(12, 16)], axis=2)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def _rotated(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _saved(Image.fromarray(_COLOUR), kind, exif=exif)


def _transparent() -> Image.Image:
    return Image.fromarray(np.dstack([_COLOUR, _GREY]))


_FILES: dict[str, Callable[[], bytes]] = {
    **{
        f"{kind} turned {turn}": lambda kind=kind, turn=turn: _rotated(kind, turn)
        for kind in ("JPEG", "WEBP", "PNG")
        for turn in range(1, 9)
    },
    "grey PNG": lambda: _saved(Image.fromarray(_GREY), "PNG"),
    "grey PNG of 16 bits": lambda: _saved(Image.fromarray(_GREY.astype(np.uint16) * 257), "PNG"),
    "grey saved as RGB": lambda: _saved(Image.fromarray(_GREY).convert("RGB"), "PNG"),
    "grey saved with a palette": lambda: _saved(Image.fromarray(_GREY).convert("P"), "PNG"),
    "two levels": lambda: _saved(Image.fromarray(_GREY > 100), "PNG"),
    "palette": lambda: _saved(Image.fromarray(_COLOUR).quantize(16), "PNG"),
    "palette with transparency": lambda: _saved(_transparent().quantize(16), "PNG"),
    "grey with transparency": lambda: _saved(_transparent().convert("LA"), "PNG"),
    "RGBA": lambda: _saved(_transparent(), "PNG"),
    "RGBA WebP": lambda: _saved(_transparent(), "WEBP"),
    "CMYK JPEG": lambda: _saved(Image.fromarray(_COLOUR).convert("CMYK"), "JPEG"),
    "BMP": lambda: _saved(Image.fromarray(_COLOUR), "BMP"),
    "BMP with a palette": lambda: _saved(Image.fromarray(_COLOUR).quantize(16), "BMP"),
}


@pytest.mark.parametrize("name", _FILES)
def test_a_file_has_the_same_pixels_in_a_dataset_and_in_a_prediction(
    name: str, tmp_path: Path
) -> None:
    file = _FILES[name]()
    rows = _as_dataset(file, tmp_path)
    channels, height, width = rows.shape
    wanted = ImageInput(channels, height, width, (0.0,) * channels, (1.0,) * channels)
    as_text = base64.b64encode(file).decode()
    for value in (file, as_text, as_text.encode()):
        assert np.array_equal(prepare_image(0, value, wanted), rows)


def test_grey_files_are_grey_whatever_they_were_saved_as(tmp_path: Path) -> None:
    for name in (
        "grey PNG",
        "grey PNG of 16 bits",
        "grey saved as RGB",
        "grey saved with a palette",
    ):
        folder = tmp_path / name
        folder.mkdir()
        assert np.array_equal(_as_dataset(_FILES[name](), folder), _GREY[None])


def test_a_photograph_is_seen_as_its_camera_says() -> None:
    image = ImageInput(3, 16, 12, (0.0,) * 3, (1.0,) * 3)
    pixels = prepare_image(0, _rotated("JPEG", 6), image)
    assert np.abs(pixels[0].astype(int) - np.rot90(_GREY, -1)).mean() < 20


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_file_with_another_white_is_refused_and_not_taken_for_black(kind: str) -> None:
    dim = ImageInput(1, 12, 16, (0.0,), (1.0,))
    with pytest.raises(UnusableInput, match="nearly black: its brightest pixel is 14 of 255"):
        prepare_image(0, _saved(Image.fromarray(_GREY // 16), kind), dim)
    assert not prepare_image(0, _saved(Image.fromarray(_GREY * 0), kind), dim).any()


def _as_dataset(file: bytes, folder: Path) -> np.ndarray:
    archive = a_zip(folder / "a.zip", {"a/1.png": file, "b/1.png": file})
    read_dataset(str(archive), "a.zip", {}, "und", str(folder / "canonical"), 10**7, 100)
    return read_image_rows(folder / "canonical").images[0]
