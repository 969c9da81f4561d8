"""Images as a network takes them: scaled to its input, and changed at random in training."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.domain.models import ImageInput


def prepare_pixels(images: np.ndarray, wanted: ImageInput) -> Tensor:
    """Float32 (n, channels, height, width) from uint8 images (n, channels, any, any).

    An image of another size is scaled (bilinear) where `wanted.resizes`; ValueError otherwise.
    """
    # The strides of a dimension of size 1 are arbitrary in NumPy, and a convolution goes by them.
    contiguous = torch.from_numpy(np.ascontiguousarray(images))
    pixels = contiguous.clone(memory_format=torch.contiguous_format).float()
    size = (wanted.height, wanted.width)
    if pixels.shape[1] != wanted.channels or (pixels.shape[2:] != size and not wanted.resizes):
        raise ValueError(f"images of {tuple(pixels.shape[1:])} do not fit a network of {wanted}")
    if pixels.shape[2:] != size:
        pixels = functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    mean = torch.tensor(wanted.mean).view(1, -1, 1, 1)
    std = torch.tensor(wanted.std).view(1, -1, 1, 1)
    return (pixels / 255 - mean) / std


@dataclass(frozen=True)
class AugmentationStrength:
    """How far one image may be changed; the defaults suit handwriting and small pictures.

    `degrees` of rotation either way, `scale` as a share either way, `shear` as the tangent of its
    angle, `shift` as a share of the image's side; `bend` is the typical displacement of a smooth
    elastic distortion, also as a share of the side (Simard, Steinkraus and Platt, 2003).
    """

    degrees: float = 18.0
    scale: float = 0.2
    shear: float = 0.25
    shift: float = 0.1
    bend: float = 0.03


def augment_images(
    images: np.ndarray, generator: torch.Generator, strength: AugmentationStrength | None = None
) -> np.ndarray:
    """Each image moved, turned, scaled, sheared and bent a little, by its own draw.

    `images`: uint8 (n, channels, height, width); so is the answer. What comes in from outside
    repeats the border, so that ink on any ground stays ink on that ground.
    """
    strength = strength or AugmentationStrength()
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()
    size = list(pixels.shape)
    grid = functional.affine_grid(
        _affine(len(pixels), strength, generator), size, align_corners=False
    )
    if strength.bend:
        grid = grid + _bend(size, strength.bend, generator)
    sampled = functional.grid_sample(
        pixels, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    changed: np.ndarray = sampled.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return changed


def _affine(count: int, strength: AugmentationStrength, generator: torch.Generator) -> Tensor:
    """One 2 x 3 matrix per image, in the coordinates -1..1 of `affine_grid`."""
    draw = torch.rand((6, count), generator=generator) * 2 - 1
    angle = draw[0] * math.radians(strength.degrees)
    wide, high = (1 + draw[1] * strength.scale), (1 + draw[2] * strength.scale)
    slant = draw[3] * strength.shear
    cos, sin = torch.cos(angle), torch.sin(angle)
    across = torch.stack([cos * wide, (slant * cos - sin) * high, draw[4] * 2 * strength.shift], 1)
    down = torch.stack([sin * wide, (slant * sin + cos) * high, draw[5] * 2 * strength.shift], 1)
    return torch.stack([across, down], 1)


def _bend(size: list[int], strength: float, generator: torch.Generator) -> Tensor:
    """Smooth displacements (n, height, width, 2): a coarse random field, drawn out to full size."""
    coarse = torch.randn((size[0], 2, 5, 5), generator=generator) * (2 * strength)
    field = functional.interpolate(coarse, size=size[2:], mode="bicubic", align_corners=False)
    return field.permute(0, 2, 3, 1)
