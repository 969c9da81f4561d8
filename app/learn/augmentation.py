"""Small random changes of images, as a hand makes them from one drawing to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Wobble:
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


def augment(
    images: np.ndarray, generator: torch.Generator, wobble: Wobble | None = None
) -> np.ndarray:
    """Each image moved, turned, scaled, sheared and bent a little, by its own draw.

    `images`: uint8 (n, channels, height, width); so is the answer. What comes in from outside
    repeats the border, so that ink on any ground stays ink on that ground.
    """
    wobble = wobble or Wobble()
    pixels = torch.from_numpy(np.ascontiguousarray(images)).float()
    size = list(pixels.shape)
    grid = functional.affine_grid(
        _affine(len(pixels), wobble, generator), size, align_corners=False
    )
    if wobble.bend:
        grid = grid + _bend(size, wobble.bend, generator)
    moved = functional.grid_sample(
        pixels, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    changed: np.ndarray = moved.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return changed


def _affine(count: int, wobble: Wobble, generator: torch.Generator) -> Tensor:
    """One 2 x 3 matrix per image, in the coordinates -1..1 of `affine_grid`."""
    draw = torch.rand((6, count), generator=generator) * 2 - 1
    angle = draw[0] * math.radians(wobble.degrees)
    wide, high = (1 + draw[1] * wobble.scale), (1 + draw[2] * wobble.scale)
    slant = draw[3] * wobble.shear
    cos, sin = torch.cos(angle), torch.sin(angle)
    across = torch.stack([cos * wide, (slant * cos - sin) * high, draw[4] * 2 * wobble.shift], 1)
    down = torch.stack([sin * wide, (slant * sin + cos) * high, draw[5] * 2 * wobble.shift], 1)
    return torch.stack([across, down], 1)


def _bend(size: list[int], strength: float, generator: torch.Generator) -> Tensor:
    """Smooth displacements (n, height, width, 2): a coarse random field, drawn out to full size."""
    coarse = torch.randn((size[0], 2, 5, 5), generator=generator) * (2 * strength)
    field = functional.interpolate(coarse, size=size[2:], mode="bicubic", align_corners=False)
    return field.permute(0, 2, 3, 1)
