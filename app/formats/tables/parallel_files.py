"""Two text files, line by line each other's translation, in one archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.domain.datasets import DatasetHints
from app.domain.errors.pair_files import ParallelFilesUnclear, ParallelLengthsDiffer
from app.formats.tables.encoding import check_utf8
from app.formats.tables.plain_lines import read_lines
from app.formats.tables.raw_table import Cell, RawTable


def open_parallel_files(folder: Path, hints: DatasetHints, language: str) -> RawTable:
    """The table of an unpacked archive: line i of one file is translated by line i of the other.

    The target file is the one named by the hint, or whose name ends in the code of `language`
    (`corpus.de`, `de.txt`). Raises `ParallelFilesUnclear`, `ParallelLengthsDiffer` and
    `EncodingNotUtf8`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    if len(files) != 2:
        raise ParallelFilesUnclear(names, f"there are {len(files)} files instead of two")
    target = _target(names, hints, language)
    source_file, target_file = files[1 - target], files[target]
    for file in files:
        check_utf8(file)
    lengths = [sum(1 for _ in read_lines(file)) for file in (source_file, target_file)]
    if lengths[0] != lengths[1]:
        raise ParallelLengthsDiffer(names[1 - target], lengths[0], names[target], lengths[1])

    def read(wanted: tuple[str, ...]) -> Iterator[tuple[Cell, ...]]:
        return zip(read_lines(source_file), read_lines(target_file), strict=True)

    return RawTable(("source", "target"), read, {"format": "two-files", "files": names})


def _target(names: list[str], hints: DatasetHints, language: str) -> int:
    if hints.target in names:
        return names.index(hints.target)
    if hints.source in names:
        return 1 - names.index(hints.source)
    code = language.split("-")[0].casefold()
    found = [i for i, name in enumerate(names) if code in _parts(name)]
    if len(found) != 1:
        raise ParallelFilesUnclear(names, f"none, or both, are named for `{code}`")
    return found[0]


def _parts(name: str) -> list[str]:
    plain = name.casefold().rpartition("/")[2]
    return plain.replace("-", ".").replace("_", ".").split(".")
