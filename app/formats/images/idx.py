"""IDX, the format of MNIST: one file of images and one of labels, gzipped or not.

The layout is documented at http://yann.lecun.com/exdb/mnist: two zero bytes, the number type,
the number of axes, the length of each axis as a big-endian 32-bit integer, then the numbers.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from app.domain.errors.archives import ArchiveTooLarge
from app.domain.errors.dataset_files import FileDamaged
from app.domain.errors.image_files import ArraysUnfit
from app.formats.images.named_images import NamedImages, name_targets
from app.formats.images.parts import choose_part, note_parts, part_and_rest
from app.formats.images.pixels import as_pixels

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PAIR = (
    "Send a zip of two IDX files, the images and their labels; of several such pairs the names "
    "must say which is `train` and which is `test` (or `t10k`)."
)


def is_idx(file: Path) -> bool:
    """Whether the file begins like IDX, looking into gzip."""
    try:
        with _open(file) as handle:
            start = handle.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= 4


def read_idx(folder: Path, max_bytes: int, part: str | None = None) -> NamedImages:
    """The images and labels of an unpacked archive, of one `part` where there are several.

    Raises `ArraysUnfit`, `PartMissing` and `FileDamaged`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and is_idx(path))
    by_part: dict[str, list[Path]] = {}
    # torchvision keeps what it unpacked beside what it downloaded.
    files = [file for file in files if not (file.suffix == ".gz" and file.with_suffix("") in files)]
    for file in files:
        name = part_and_rest(file.relative_to(folder).as_posix())[0]
        by_part.setdefault(name, []).append(file)
    chosen = choose_part(by_part, part)
    pair = by_part[chosen]
    arrays = [_read(file, max_bytes) for file in pair] if len(pair) == 2 else []
    if sorted(min(array.ndim, 2) for array in arrays) != [1, 2]:
        named = ", ".join(file.name for file in files)
        raise ArraysUnfit(f"The archive has these IDX files: {named}", _PAIR)
    y, x = sorted(arrays, key=lambda array: array.ndim)
    images, notes = as_pixels(x)
    names, about_labels = name_targets(y, len(images))
    left = note_parts(dict.fromkeys(by_part), chosen)
    return NamedImages(images, names, {"format": "idx"}, [*left, *notes, *about_labels])


def _open(file: Path) -> IO[bytes]:
    with file.open("rb") as handle:
        is_gzip = handle.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if is_gzip else file.open("rb")  # type: ignore[return-value]


def _read(file: Path, max_bytes: int) -> np.ndarray:
    try:
        with _open(file) as handle:
            start = handle.read(4)
            shape = tuple(np.frombuffer(handle.read(4 * start[3]), dtype=">u4").tolist())
            kind = np.dtype(_TYPES[start[2]])
            size = math.prod(shape) * kind.itemsize
            if size > max_bytes:
                raise ArchiveTooLarge("bytes", max_bytes)
            content = handle.read(size + 1)
    except (OSError, EOFError, zlib.error, ValueError) as problem:
        raise FileDamaged("IDX", f"{file.name}: {problem}") from None
    if len(shape) != start[3] or len(content) != size:
        reason = f"{file.name} does not have the {size:,} bytes that its header announces"
        raise FileDamaged("IDX", reason)
    array = np.frombuffer(content, dtype=kind).reshape(shape)
    return array.astype(kind.newbyteorder("="))
