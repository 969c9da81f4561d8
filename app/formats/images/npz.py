"""NPZ: the arrays `x` (images) and `y` (labels), without Python objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.domain.errors.dataset_files import FileDamaged
from app.domain.errors.image_files import ArrayHoldsObjects, ArraysUnfit
from app.formats.images.named_images import NamedImages, name_targets
from app.formats.images.pixels import as_pixels


def is_npz(folder: Path) -> bool:
    """Whether an unpacked archive is one of arrays."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return bool(files) and all(path.suffix == ".npy" for path in files)


def read_npz(folder: Path) -> NamedImages:
    """The images and labels of an unpacked NPZ.

    Raises `ArraysUnfit`, `ArrayHoldsObjects` and `FileDamaged`.
    """
    images, notes = as_pixels(_load(folder, "x"))
    names = name_targets(_load(folder, "y"), len(images))
    return NamedImages(images, names, {"format": "npz"}, notes)


def _load(folder: Path, name: str) -> np.ndarray:
    file = folder / f"{name}.npy"
    if not file.is_file():
        keys = ", ".join(sorted(path.stem for path in folder.glob("*.npy")))
        advice = "Save one set of images as `x` and their labels as `y`; test images separately."
        raise ArraysUnfit(f"The file has no array `{name}`; it has: {keys}", advice)
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except ValueError as problem:
        if "object" in str(problem).lower() or "pickle" in str(problem).lower():
            raise ArrayHoldsObjects(name) from None
        raise FileDamaged("NPZ", f"{name}: {problem}") from None
    except (EOFError, OSError) as problem:
        raise FileDamaged("NPZ", f"{name}: {problem}") from None
