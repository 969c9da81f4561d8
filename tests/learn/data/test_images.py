"""Small changes of images."""

from __future__ import annotations

import numpy as np
import torch

from app.learn.data.images import AugmentationStrength, augment_images
from tests.support.datasets import digit_images

STILL = AugmentationStrength(degrees=0, scale=0, shear=0, shift=0, bend=0)


def _images() -> np.ndarray:
    return digit_images(20)[0][:, None]


def test_an_image_keeps_its_shape_and_kind_but_changes() -> None:
    changed = augment_images(_images(), torch.Generator().manual_seed(0))
    assert (changed.shape, changed.dtype) == (_images().shape, np.uint8)
    assert (changed != _images()).any(axis=(1, 2, 3)).all()


def test_the_same_generator_changes_images_alike() -> None:
    first = augment_images(_images(), torch.Generator().manual_seed(1))
    assert np.array_equal(first, augment_images(_images(), torch.Generator().manual_seed(1)))
    assert not np.array_equal(first, augment_images(_images(), torch.Generator().manual_seed(2)))


def test_without_any_strength_an_image_stays_as_it_is() -> None:
    assert np.array_equal(augment_images(_images(), torch.Generator(), STILL), _images())


def test_a_light_ground_stays_light_at_the_border() -> None:
    white = np.full((8, 3, 16, 16), 255, dtype=np.uint8)
    assert augment_images(white, torch.Generator().manual_seed(0)).min() == 255


def test_a_small_strength_keeps_most_of_the_ink_in_place() -> None:
    images = np.zeros((50, 1, 28, 28), dtype=np.uint8)
    images[:, :, 8:20, 12:16] = 255
    changed = augment_images(images, torch.Generator().manual_seed(0))
    ink = changed[:, :, 6:22, 8:20].sum(axis=(1, 2, 3)) / changed.sum(axis=(1, 2, 3))
    assert ink.mean() > 0.9
