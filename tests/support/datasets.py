"""Builders of small datasets, in memory and as files of every kind the service takes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from app.learn.data.examples import Examples

Row = tuple[str, str, str]  # text, label, group

LABELS = ("alarm", "music", "weather")

_WORDS = {
    "en": {
        "alarm": (
            ["wake me up", "set an alarm", "ring the bell"],
            ["at seven", "tomorrow morning", "in an hour"],
        ),
        "music": (["play", "pause", "skip"], ["the song", "some jazz music", "this album"]),
        "weather": (
            ["will it rain", "how warm is it", "is it windy"],
            ["today", "on Sunday", "in Paris"],
        ),
    },
    "de": {
        "alarm": (
            ["wecke mich", "stelle den Wecker", "lass es klingeln"],
            ["um sieben Uhr", "morgen früh", "in einer Stunde"],
        ),
        "music": (
            ["spiele", "pausiere", "überspringe"],
            ["das Lied", "die Jazzmusik", "dieses Album"],
        ),
        "weather": (
            ["wird es regnen", "wie warm ist es", "ist es windig"],
            ["heute", "am Sonntag", "in Paris"],
        ),
    },
    "hi": {
        "alarm": (
            ["मुझे जगाओ", "अलार्म लगाओ", "घंटी बजाओ"],
            ["सुबह सात बजे", "कल सुबह", "एक घंटे में"],
        ),
        "music": (["बजाओ", "रोको", "आगे बढ़ाओ"], ["यह गाना", "जैज़ संगीत", "यह एल्बम"]),
        "weather": (
            ["क्या बारिश होगी", "कितनी गर्मी है", "क्या हवा चलेगी"],
            ["आज", "रविवार को", "दिल्ली में"],
        ),
    },
}

# All beginnings and ends of each language, in an order in which they translate each other.
PHRASES = {
    language: [phrase for parts in words.values() for part in parts for phrase in part]
    for language, words in _WORDS.items()
}


def labelled_rows(
    rows: int = 60, language: str = "en", labels: tuple[str, ...] = LABELS
) -> list[Row]:
    """`rows` distinct sentences, labels (at most three) in turn; the group is a template's id.

    A template has up to nine sentences per label and counts on through a number at the end.
    """
    made: list[Row] = []
    for i in range(rows):
        label = labels[i % len(labels)]
        turn = i // len(labels)
        starts, objects = _WORDS[language][LABELS[i % len(labels)]]
        words = f"{starts[turn % 3]} {objects[turn // 3 % 3]}"
        again = f" {turn // 9 + 1}" if turn >= 9 else ""
        made.append((words + again, label, f"{label}-{turn // 3}"))
    return made


def labelled_examples(
    rows: int = 60,
    language: str = "en",
    labels: tuple[str, ...] = LABELS,
    grouped: bool = False,
) -> Examples:
    """The same sentences as Examples; targets are positions in `labels`."""
    made = labelled_rows(rows, language, labels)
    return Examples(
        inputs=[text for text, _, _ in made],
        targets=np.array([labels.index(label) for _, label, _ in made], dtype=np.int64),
        rows=np.arange(1, rows + 1, dtype=np.int64),
        groups=tuple(group for _, _, group in made) if grouped else None,
    )


def digit_images(
    rows: int = 60, size: int = 28, classes: int = 10, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Light bars on dark ground, uint8 (rows, size, size), and int64 labels 0..classes-1.

    The label is the position of the bar, so that a small network learns it within seconds.
    """
    draw = np.random.default_rng(seed)
    y = np.arange(rows, dtype=np.int64) % classes
    x = draw.integers(0, 40, (rows, size, size), dtype=np.uint8)
    width = max(1, size // classes)
    for image, label in zip(x, y, strict=True):
        image[4:-4, label * width : label * width + width] = draw.integers(180, 256)
    return x, y


def image_examples(rows: int = 60, size: int = 28, classes: int = 10, seed: int = 0) -> Examples:
    """`digit_images` as Examples, inputs uint8 (rows, 1, size, size)."""
    x, y = digit_images(rows, size, classes, seed)
    return Examples(inputs=x[:, None], targets=y, rows=np.arange(1, rows + 1, dtype=np.int64))


def a_csv(
    file: Path,
    rows: list[Row] | None = None,
    columns: tuple[str, str, str] = ("text", "label", "group"),
    delimiter: str = ",",
) -> Path:
    """A CSV file with a header; TSV with a tab as `delimiter`."""
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(labelled_rows() if rows is None else rows)
    return file


def a_jsonl(file: Path, rows: list[Row] | None = None) -> Path:
    """One JSON object a line with the keys text, label and group."""
    rows = labelled_rows() if rows is None else rows
    lines = [json.dumps(dict(zip(("text", "label", "group"), row, strict=True))) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def a_parquet(file: Path, rows: list[Row] | None = None) -> Path:
    """String columns text, label and group."""
    columns = zip(*(labelled_rows() if rows is None else rows), strict=True)
    pq.write_table(pa.table(dict(zip(("text", "label", "group"), columns, strict=True))), file)
    return file


def an_npz(file: Path, x: np.ndarray | None = None, y: np.ndarray | None = None) -> Path:
    """The arrays `x` and `y`; 60 bar images of 28 x 28 unless given."""
    bars, numbers = digit_images()
    np.savez(file, x=bars if x is None else x, y=numbers if y is None else y)
    return file


def an_idx_zip(file: Path, rows: int = 60, size: int = 28, gzipped: bool = True) -> Path:
    """The two files of an MNIST-like dataset in a zip, each gzipped unless told otherwise."""
    x, y = digit_images(rows, size)
    end, wrap = (".gz", gzip.compress) if gzipped else ("", bytes)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"train-images-idx3-ubyte{end}", wrap(idx(x)))
        archive.writestr(f"train-labels-idx1-ubyte{end}", wrap(idx(y.astype(np.uint8))))
    return file


def a_class_folder_zip(file: Path, rows: int = 30, size: int = 28, top: str = "digits/") -> Path:
    """PNG images in a folder per class (`digits/3/0007.png`)."""
    x, y = digit_images(rows, size)
    with zipfile.ZipFile(file, "w") as archive:
        for i, (image, label) in enumerate(zip(x, y, strict=True)):
            archive.writestr(f"{top}{label}/{i:04}.png", png(image))
    return file


def png(image: np.ndarray) -> bytes:
    """The bytes of a PNG of uint8 (height, width) or (height, width, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file of uint8."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()
