"""Images as a network takes them: scaled to its size, its mean and its deviation."""

from __future__ import annotations

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
    whole = torch.from_numpy(np.ascontiguousarray(images))
    pixels = whole.clone(memory_format=torch.contiguous_format).float()
    size = (wanted.height, wanted.width)
    if pixels.shape[1] != wanted.channels or (pixels.shape[2:] != size and not wanted.resizes):
        raise ValueError(f"images of {tuple(pixels.shape[1:])} do not fit a network of {wanted}")
    if pixels.shape[2:] != size:
        pixels = functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    mean = torch.tensor(wanted.mean).view(1, -1, 1, 1)
    std = torch.tensor(wanted.std).view(1, -1, 1, 1)
    return (pixels / 255 - mean) / std
