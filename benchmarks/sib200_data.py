"""SIB-200 topic sentences: one folder per language with train, dev and test as TSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.learn.data.examples import Examples

ENGLISH = "eng_Latn"


@dataclass(frozen=True)
class Language:
    """The three splits of one language, as its publishers made them."""

    name: str
    train: Examples
    dev: Examples
    test: Examples

    def texts(self) -> list[str]:
        """Every text of the three splits."""
        return [t for part in (self.train, self.dev, self.test) for t in part.inputs]


def read_languages(folder: Path) -> tuple[tuple[str, ...], list[Language]]:
    """The seven labels, and every language of the folder, English first."""
    names = sorted(
        (p.name for p in folder.iterdir() if p.is_dir()), key=lambda n: (n != ENGLISH, n)
    )
    labels = tuple(sorted({row["category"] for row in _rows(folder / ENGLISH / "train.tsv")}))
    return labels, [_language(folder / name, labels) for name in names]


def _language(folder: Path, labels: tuple[str, ...]) -> Language:
    parts = {part: _examples(folder / f"{part}.tsv", labels) for part in ("train", "dev", "test")}
    return Language(folder.name, **parts)


def _examples(file: Path, labels: tuple[str, ...]) -> Examples:
    rows = _rows(file)
    return Examples(
        inputs=[row["text"] for row in rows],
        targets=np.array([labels.index(row["category"]) for row in rows], dtype=np.int64),
        rows=np.arange(1, len(rows) + 1, dtype=np.int64),
        groups=tuple(row["index_id"] for row in rows),
    )


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))
