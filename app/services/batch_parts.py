"""The finished parts of a batch prediction, kept from one attempt to the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.artifacts.to_disk import to_disk
from app.formats.batch_results import about_results, write_results


class BatchParts:
    """Files `part-00000.parquet` and so on in `folder`, of `size` rows each but the last.

    `about` tells what answered; parts that something else answered are not ours. A part appears by
    rename after it has reached the disk, so that a crash leaves it whole or not at all. `then`
    gets each file after it was kept.
    """

    def __init__(
        self,
        folder: Path,
        rows: int,
        size: int,
        about: dict[str, Any],
        then: Callable[[Path], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._rows = rows
        self._size = size
        self._about = about
        self._then = then

    def missing(self) -> Iterator[tuple[int, int, int]]:
        """Number, first row and end of each part behind the last of those that are whole."""
        number = 0
        while number < self._count and self._is_whole(number):
            number += 1
        for later in range(number, self._count):
            yield (later, *self._range(later))

    def keep(self, number: int, table: pa.Table) -> None:
        """Put a part on the disk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(number)
        fresh = file.with_suffix(f".{os.getpid()}.part")
        try:
            write_results(fresh, [table])
            to_disk(fresh)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(file)
        to_disk(self._folder)
        self._then(file)

    def join(self, file: Path) -> None:
        """Write all parts into one file, of which no more than one is in memory."""
        write_results(file, (pq.read_table(self._file(n)) for n in range(self._count)))

    @property
    def _count(self) -> int:
        return -(-self._rows // self._size)

    def _range(self, number: int) -> tuple[int, int]:
        return number * self._size, min(self._rows, (number + 1) * self._size)

    def _is_whole(self, number: int) -> bool:
        start, end = self._range(number)
        file = self._file(number)
        if about_results(file) != self._about:
            return False
        found: int = pq.read_metadata(file).num_rows
        return found == end - start

    def _file(self, number: int) -> Path:
        return self._folder / f"part-{number:05}.parquet"
