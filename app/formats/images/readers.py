"""Labelled images as they are uploaded: class folders, NPZ and IDX, in parts or whole."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from PIL import UnidentifiedImageError

from app.domain.errors.dataset_files import (
    ArrayHoldsObjects,
    ArraysUnfit,
    ClassFoldersUnclear,
    FileDamaged,
    ImagePartMissing,
    ImageShapesDiffer,
    ImageUnreadable,
    NoUsableRows,
)
from app.domain.errors.requests import ArchiveTooLarge
from app.formats.dataset_report import sort_labels
from app.formats.images.pixels import (
    DECODING_ERRORS,
    ImageRows,
    as_pixels,
    is_16_bit,
    is_grey,
    open_image,
    to_pixels,
    upright_size,
)

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
_MOST_CHANNELS = 3
T = TypeVar("T")
# Those that come first are taken where a file has several.
_IMAGE_KEYS = (
    "x",
    "images",
    "image",
    "imgs",
    "img",
    "inputs",
    "pixels",
    "data",
    "features",
    "arr_0",
)
_LABEL_KEYS = ("y", "labels", "label", "targets", "target", "classes", "arr_1")
_KEY_ADVICE = (
    "Save the images as `x` and their labels as `y`; `images` and `labels`, `data` and `target`, "
    "and any of them with `_train` or `_test` are understood as well."
)
_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PAIR_ADVICE = (
    "Send a zip of two IDX files, the images and their labels; of several such pairs the names "
    "must say which is `train` and which is `test` (or `t10k`)."
)
PARTS = ("train", "validation", "test")
_PART_NAMES = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "t10k": "test",
    "eval": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}
_NAME_SEPARATORS = re.compile(r"[-_.\s/]+")


@dataclass(frozen=True)
class NamedImages:
    """`images` uint8 (n, channels, height, width); `names` has the class name of each.

    `details` and `notes` tell the report how the file was read.
    """

    images: np.ndarray
    names: list[str]
    details: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def as_rows(self) -> ImageRows:
        """With positions in the sorted labels in the place of names; raises `NoUsableRows`."""
        if not self.names:
            raise NoUsableRows(0, "both an input and a label")
        labels = sort_labels(self.names)
        position = {label: i for i, label in enumerate(labels)}
        targets = np.array([position[name] for name in self.names], dtype=np.int64)
        return ImageRows(self.images, targets, labels)


def name_targets(y: np.ndarray, images: int) -> tuple[list[str], list[str]]:
    """One class name per image, and notes; raises `ArraysUnfit`.

    `y` has integers, strings or bytes of UTF-8, or rows with a single 1 (one-hot).
    """
    y, notes = _numbered(y)
    if y.ndim != 1:
        advice = "Save one class per image, as a number, a string or a one-hot row."
        raise ArraysUnfit(f"The labels have the shape {y.shape}", advice)
    if len(y) != images:
        reason = f"There are {images} image(s) and {len(y)} label(s)"
        raise ArraysUnfit(reason, "Save as many labels as images, in the same order.")
    if y.dtype.kind == "f" and np.all(y == np.round(y)):
        y = y.astype(np.int64)
    if y.dtype.kind not in "biuUS":
        advice = "Save the labels as integers or strings."
        raise ArraysUnfit(f"The labels are of type {y.dtype}", advice)
    names = [_text(name) for name in y.tolist()]
    _check_names(names)
    return names, notes


def _numbered(y: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Labels in one dimension, where they are columns or one-hot rows; others as they are."""
    if y.ndim != 2:
        return y, []
    if y.shape[1] == 1:
        return y[:, 0], []
    if y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1), ["One-hot labels became the numbers of their columns, from 0."]
    return y, []


def _text(name: object) -> str:
    if not isinstance(name, bytes):
        return str(name)
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as problem:
        advice = "Save the labels as integers or strings."
        raise ArraysUnfit(f"A label is no text in UTF-8 ({problem})", advice) from None


def _check_names(names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        if not name.strip() or "\0" in name:
            raise ArraysUnfit(f"The label of row {number} is empty", "Give every image a label.")


def has_images(folder: Path) -> bool:
    """Whether there is a file with the name of an image anywhere in the folder."""
    return any(path.suffix.lower() in _SUFFIXES for path in folder.rglob("*"))


def read_class_folders(folder: Path, max_bytes: int, part: str | None = None) -> NamedImages:
    """All images, in the order of their paths with numbers by value; grey unless one has colour.

    Where the class folders stand in `train`, `test` and the like, those of one `part` are read.
    Files that are no images by their names are left out and noted. Raises `ClassFoldersUnclear`,
    `ImageUnreadable`, `ImageShapesDiffer`, `ImagePartMissing` and `ArchiveTooLarge` (more than
    `max_bytes` of pixels).
    """
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=_natural_order)
    images = [path for path in files if path.suffix.lower() in _SUFFIXES]
    details = {"format": "class-folders", "left_out": len(files) - len(images)}
    notes = _note_left_out(files, images, folder)
    folder, images, about_parts = _of_one_part(folder, images, part)
    names = [_class_of(path, folder) for path in images]
    channels, about_modes = _headers(images, folder, max_bytes)
    pixels = np.stack([_decode(path, folder, channels) for path in images])
    return NamedImages(pixels, names, details, [*notes, *about_parts, *about_modes])


def _of_one_part(
    folder: Path, images: list[Path], requested: str | None
) -> tuple[Path, list[Path], list[str]]:
    """The folder and the images of the part to read, and notes on the others."""
    tops = {path.relative_to(folder).parts[0] for path in images}
    deep = all(len(path.relative_to(folder).parts) == 3 for path in images)
    by_part: dict[str, list[str]] = {}
    for top in sorted(tops):
        part, rest = part_and_rest(top)
        by_part.setdefault("" if rest else part, []).append(top)
    separate = deep and "" not in by_part and all(len(names) == 1 for names in by_part.values())
    if not separate:
        if requested is not None:
            choose_part((), requested)
        return folder, images, []
    chosen = choose_part(by_part, requested)
    below = {part: folder / names[0] for part, names in by_part.items()}
    counts = {
        part: sum(path.is_relative_to(subfolder) for path in images)
        for part, subfolder in below.items()
    }
    kept = [path for path in images if path.is_relative_to(below[chosen])]
    return below[chosen], kept, note_parts(counts, chosen)


def _natural_order(path: Path) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]+", path.as_posix())
    return [(0, int(p), p) if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]


def _class_of(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    if len(parts) == 2:
        return parts[0]
    if len(parts) == 1:
        raise ClassFoldersUnclear(parts[0], "it lies in no folder, or in the only one")
    raise ClassFoldersUnclear("/".join(parts), f"it lies {len(parts) - 1} folders deep")


def _headers(images: list[Path], folder: Path, max_bytes: int) -> tuple[int, list[str]]:
    """Channels and notes, from the headers alone; all sizes must be equal before any is decoded."""
    grey, deep, first = True, 0, None
    for path in images:
        name = path.relative_to(folder).as_posix()
        size, is_one_grey, is_one_deep = _reading(name, partial(_header, path))
        first = first or size
        if size != first:
            raise ImageShapesDiffer(name, size, first)
        if len(images) * size[0] * size[1] * _MOST_CHANNELS > max_bytes:
            raise ArchiveTooLarge("bytes of pixels", max_bytes)
        grey, deep = grey and is_one_grey, deep + is_one_deep
    notes = [f"{deep} image(s) of 16 bits became images of 8 bits."] if deep else []
    return (1 if grey else _MOST_CHANNELS), notes


def _header(path: Path) -> tuple[tuple[int, int], bool, bool]:
    with open_image(path) as image:
        return upright_size(image), is_grey(image), is_16_bit(image)


def _decode(path: Path, folder: Path, channels: int) -> np.ndarray:
    """uint8 (channels, height, width)."""

    def decode() -> np.ndarray:
        with open_image(path) as image:
            return to_pixels(image, channels)

    return _reading(path.relative_to(folder).as_posix(), decode)


def _reading(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except UnidentifiedImageError:
        raise ImageUnreadable(name, "its format is unknown") from None
    except DECODING_ERRORS as problem:
        raise ImageUnreadable(name, str(problem)) from None


def _note_left_out(files: list[Path], images: list[Path], folder: Path) -> list[str]:
    rest = sorted(set(files) - set(images))
    if not rest:
        return []
    first = rest[0].relative_to(folder).as_posix()
    return [f"{len(rest)} file(s) are no images by their names and were left out: `{first}`."]


def is_npz(folder: Path) -> bool:
    """Whether an unpacked archive is one of arrays."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return bool(files) and all(path.suffix == ".npy" for path in files)


def read_npz(folder: Path, part: str | None = None) -> NamedImages:
    """The images and labels of an unpacked NPZ, of one `part` where names tell of several.

    Raises `ArraysUnfit`, `ArrayHoldsObjects`, `ImagePartMissing` and `FileDamaged`.
    """
    parts = _npz_parts(folder)
    chosen = choose_part(parts, part)
    pair = parts[chosen]
    x, y = (
        _load_array(folder, pair.first(_IMAGE_KEYS)),
        _load_array(folder, pair.first(_LABEL_KEYS)),
    )
    images, notes = as_pixels(x)
    names, about_labels = name_targets(y, len(images))
    left = note_parts(dict.fromkeys(parts), chosen)
    return NamedImages(images, names, {"format": "npz"}, [*left, *notes, *about_labels])


@dataclass
class _NpzPart:
    """Arrays of one part: the name that each has in the file, by its name without the part's."""

    names: dict[str, str] = field(default_factory=dict)

    def first(self, wanted: tuple[str, ...]) -> str:
        return next(self.names[name] for name in wanted if name in self.names)

    @property
    def is_whole(self) -> bool:
        return all(any(name in self.names for name in kind) for kind in (_IMAGE_KEYS, _LABEL_KEYS))


def _npz_parts(folder: Path) -> dict[str, _NpzPart]:
    """Those that have images and labels."""
    found: dict[str, _NpzPart] = {}
    keys = sorted(path.stem for path in folder.glob("*.npy"))
    for key in keys:
        part, rest = part_and_rest(key)
        found.setdefault(part, _NpzPart()).names.setdefault(rest, key)
    whole = {name: part for name, part in found.items() if part.is_whole}
    if not whole:
        reason = f"No array of images with one of labels was found; the file has: {', '.join(keys)}"
        raise ArraysUnfit(reason, _KEY_ADVICE)
    return whole


def _load_array(folder: Path, name: str) -> np.ndarray:
    try:
        return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    except ValueError as problem:
        if "object" in str(problem).lower() or "pickle" in str(problem).lower():
            raise ArrayHoldsObjects(name) from None
        raise FileDamaged("NPZ", f"{name}: {problem}") from None
    except (EOFError, OSError) as problem:
        raise FileDamaged("NPZ", f"{name}: {problem}") from None


def is_idx(file: Path) -> bool:
    """Whether the file begins like IDX, looking into gzip."""
    try:
        with _open_gzip(file) as handle:
            start = handle.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= 4


def read_idx(folder: Path, max_bytes: int, part: str | None = None) -> NamedImages:
    """The images and labels of an unpacked archive, of one `part` where there are several.

    Raises `ArraysUnfit`, `ImagePartMissing` and `FileDamaged`.
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
    arrays = [_read_array(file, max_bytes) for file in pair] if len(pair) == 2 else []
    if sorted(min(array.ndim, 2) for array in arrays) != [1, 2]:
        named = ", ".join(file.name for file in files)
        raise ArraysUnfit(f"The archive has these IDX files: {named}", _PAIR_ADVICE)
    y, x = sorted(arrays, key=lambda array: array.ndim)
    images, notes = as_pixels(x)
    names, about_labels = name_targets(y, len(images))
    left = note_parts(dict.fromkeys(by_part), chosen)
    return NamedImages(images, names, {"format": "idx"}, [*left, *notes, *about_labels])


def _open_gzip(file: Path) -> IO[bytes]:
    with file.open("rb") as handle:
        is_gzip = handle.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if is_gzip else file.open("rb")  # type: ignore[return-value]


def _read_array(file: Path, max_bytes: int) -> np.ndarray:
    try:
        with _open_gzip(file) as handle:
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


def part_and_rest(name: str) -> tuple[str, str]:
    """The part that a name tells, "" without one, and the rest of the name in lower case.

    `X_train` is `train` and `x`; `t10k-images-idx3-ubyte.gz` is `test` and the rest.
    """
    words = [word for word in _NAME_SEPARATORS.split(name.lower()) if word]
    part_words = [word for word in words if word in _PART_NAMES]
    rest = "_".join(word for word in words if word not in _PART_NAMES)
    return (_PART_NAMES[part_words[0]], rest) if len(part_words) == 1 else ("", rest)


def choose_part(found: Iterable[str], requested: str | None) -> str:
    """The part to read: the `requested` one, else what belongs to no part, else the first of PARTS.

    Raises `ImagePartMissing` where the wanted part is not there.
    """
    parts = set(found)
    if requested is not None:
        if requested not in parts:
            raise ImagePartMissing(requested, sorted(parts - {""}))
        return requested
    return next(part for part in ("", *PARTS) if part in parts)


def note_parts(rows: Mapping[str, int | None], chosen: str) -> list[str]:
    """What was left out, in a sentence; `rows` of each part where they are known."""
    others = [part for part in PARTS if part in rows and part != chosen]
    if not chosen or not others:
        return []
    named = " and ".join(_named(part, rows[part]) for part in others)
    return [
        f"The file has several parts, and `{chosen}` was read. {named} is left for another "
        "dataset: send the file again with `part`."
    ]


def _named(part: str, rows: int | None) -> str:
    return f"`{part}`" if rows is None else f"`{part}` ({rows} images)"
