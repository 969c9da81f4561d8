"""The preprocessing of a Hugging Face image classifier, by `preprocessor_config.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from app.domain.errors.model_files import FileInvalid
from app.domain.models import ImageInput
from app.formats.huggingface.layout import IMAGE_PROCESSOR_FILE

_MODES = {0: "nearest", 2: "bilinear", 3: "bicubic"}  # by Pillow's numbers
_LARGEST = 2048


@dataclass(frozen=True)
class ImageProcessor:
    """`shape` is what enters the network; `shortest` and `mode` say how images are scaled to it.

    With `shortest` the shorter side is scaled to it and the middle cut out; else both sides are
    scaled.
    """

    shape: ImageInput
    shortest: int | None
    mode: str

    def apply(self, images: Tensor) -> Tensor:
        """Float32 (n, channels, height, width) from uint8 (n, channels, any height, any width)."""
        pixels = images.clone(memory_format=torch.contiguous_format).float()
        if self.shape.resizes and pixels.shape[-2:] != (self.shape.height, self.shape.width):
            pixels = self._scaled(pixels).round().clamp(0, 255)
        mean = torch.tensor(self.shape.mean).view(1, -1, 1, 1)
        std = torch.tensor(self.shape.std).view(1, -1, 1, 1)
        return (pixels / 255 - mean) / std

    def _scaled(self, pixels: Tensor) -> Tensor:
        height, width = self.shape.height, self.shape.width
        if self.shortest is None:
            return self._interpolated(pixels, height, width)
        factor = self.shortest / min(pixels.shape[-2:])
        # Never smaller than what is cut out of it.
        tall = max(height, round(pixels.shape[-2] * factor))
        wide = max(width, round(pixels.shape[-1] * factor))
        top, left = (tall - height) // 2, (wide - width) // 2
        scaled = self._interpolated(pixels, tall, wide)
        return scaled[..., top : top + height, left : left + width]

    def _interpolated(self, pixels: Tensor, height: int, width: int) -> Tensor:
        smooth = self.mode != "nearest"
        return functional.interpolate(pixels, (height, width), mode=self.mode, antialias=smooth)


def read_image_processor(config: dict[str, Any], channels: int) -> ImageProcessor:
    """The content of `preprocessor_config.json` for images of `channels`; raises FileInvalid."""
    try:
        height, width, shortest = _sizes(config)
        mean, std = _scaling(config, channels)
        mode = _MODES[int(config.get("resample", 2))]
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as problem:
        raise FileInvalid(
            IMAGE_PROCESSOR_FILE, f"its sizes or scaling are unclear ({problem})"
        ) from None
    if not (0 < height <= _LARGEST and 0 < width <= _LARGEST and len(mean) == len(std) == channels):
        raise FileInvalid(IMAGE_PROCESSOR_FILE, f"it does not fit images of {channels} channels")
    resizes = bool(config.get("do_resize", True))
    shape = ImageInput(channels, height, width, mean, std, resizes)
    return ImageProcessor(shape, shortest, mode)


def _sizes(config: dict[str, Any]) -> tuple[int, int, int | None]:
    """Height and width of what enters, and the length of the shortest side before the cut."""
    size = config["size"]
    size = {"height": size, "width": size} if isinstance(size, int) else size
    shortest = None
    if "shortest_edge" in size:
        shortest = int(size["shortest_edge"])
        size = {"height": shortest, "width": shortest}
        # ConvNeXt's processor scales below 384 pixels to more than it keeps.
        if "crop_pct" in config and shortest < 384:
            shortest = int(shortest / config["crop_pct"])
    if config.get("do_center_crop"):
        cut = config.get("crop_size", size)
        cut = {"height": cut, "width": cut} if isinstance(cut, int) else cut
        shortest = shortest or int(size["height"])
        size = cut
    return int(size["height"]), int(size["width"]), shortest


def _scaling(config: dict[str, Any], channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation as ImageInput counts them, after a division by 255."""
    factor = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    mean, std = [0.0] * channels, [1.0] * channels
    if config.get("do_normalize", True) and "image_mean" in config:
        mean, std = list(config["image_mean"]), list(config["image_std"])
    unit = 255 * factor
    return tuple(m / unit for m in mean), tuple(s / unit for s in std)
