"""NPZ: arrays of images and of their labels, without Python objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.domain.errors.dataset_files import FileDamaged
from app.domain.errors.image_files import ArrayHoldsObjects, ArraysUnfit
from app.formats.images.named_images import NamedImages, name_targets
from app.formats.images.parts import choose_part, note_parts, part_and_rest
from app.formats.images.pixels import as_pixels

# Those that come first are taken where a file has several.
_IMAGES = ("x", "images", "image", "imgs", "img", "inputs", "pixels", "data", "features", "arr_0")
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "arr_1")
_NAMES = (
    "Save the images as `x` and their labels as `y`; `images` and `labels`, `data` and `target`, "
    "and any of them with `_train` or `_test` are understood as well."
)


def is_npz(folder: Path) -> bool:
    """Whether an unpacked archive is one of arrays."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return bool(files) and all(path.suffix == ".npy" for path in files)


def read_npz(folder: Path, part: str | None = None) -> NamedImages:
    """The images and labels of an unpacked NPZ, of one `part` where names tell of several.

    Raises `ArraysUnfit`, `ArrayHoldsObjects`, `PartMissing` and `FileDamaged`.
    """
    parts = _parts(folder)
    chosen = choose_part(parts, part)
    pair = parts[chosen]
    x, y = _load(folder, pair.first(_IMAGES)), _load(folder, pair.first(_LABELS))
    images, notes = as_pixels(x)
    names, about_labels = name_targets(y, len(images))
    left = note_parts(dict.fromkeys(parts), chosen)
    return NamedImages(images, names, {"format": "npz"}, [*left, *notes, *about_labels])


@dataclass
class _Part:
    """Arrays of one part: the name that each has in the file, by its name without the part's."""

    names: dict[str, str] = field(default_factory=dict)

    def first(self, wanted: tuple[str, ...]) -> str:
        return next(self.names[name] for name in wanted if name in self.names)

    @property
    def is_whole(self) -> bool:
        return all(any(name in self.names for name in kind) for kind in (_IMAGES, _LABELS))


def _parts(folder: Path) -> dict[str, _Part]:
    """Those that have images and labels."""
    found: dict[str, _Part] = {}
    keys = sorted(path.stem for path in folder.glob("*.npy"))
    for key in keys:
        part, rest = part_and_rest(key)
        found.setdefault(part, _Part()).names.setdefault(rest, key)
    whole = {name: part for name, part in found.items() if part.is_whole}
    if not whole:
        reason = f"No array of images with one of labels was found; the file has: {', '.join(keys)}"
        raise ArraysUnfit(reason, _NAMES)
    return whole


def _load(folder: Path, name: str) -> np.ndarray:
    try:
        return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    except ValueError as problem:
        if "object" in str(problem).lower() or "pickle" in str(problem).lower():
            raise ArrayHoldsObjects(name) from None
        raise FileDamaged("NPZ", f"{name}: {problem}") from None
    except (EOFError, OSError) as problem:
        raise FileDamaged("NPZ", f"{name}: {problem}") from None
