"""Which parts of a batch prediction the next attempt goes on behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.services.predict_batch import BatchParts

_ABOUT = {"engine": "torch"}


def _parts(folder: Path, size: int = 4, about: dict[str, Any] = _ABOUT) -> BatchParts:
    return BatchParts(folder, 10, size, about)


def _table(start: int, end: int, about: dict[str, Any] = _ABOUT) -> pa.Table:
    table = pa.table({"row": list(range(start + 1, end + 1))})
    return table.replace_schema_metadata({"babelport": json.dumps(about)})


def _keep_all(parts: BatchParts) -> None:
    for number, start, end in parts.missing():
        parts.keep(number, _table(start, end))


def test_all_parts_are_missing_at_first_and_the_last_is_the_rest(tmp_path: Path) -> None:
    assert list(_parts(tmp_path / "none").missing()) == [(0, 0, 4), (1, 4, 8), (2, 8, 10)]


def test_what_is_kept_is_not_missing_and_the_file_has_every_row_once(tmp_path: Path) -> None:
    parts = _parts(tmp_path / "parts")
    _keep_all(parts)
    assert list(_parts(tmp_path / "parts").missing()) == []
    parts.join(tmp_path / "all.parquet")
    assert pq.read_table(tmp_path / "all.parquet")["row"].to_pylist() == list(range(1, 11))
    names = sorted(file.name for file in (tmp_path / "parts").iterdir())
    assert names == [f"part-0000{n}.parquet" for n in range(3)]


@pytest.mark.parametrize("content", [None, b"", b"half of a file"])
def test_everything_behind_a_part_that_is_not_whole_is_missing(
    tmp_path: Path, content: bytes | None
) -> None:
    _keep_all(_parts(tmp_path))
    part = tmp_path / "part-00001.parquet"
    part.unlink() if content is None else part.write_bytes(content)
    assert [number for number, _, _ in _parts(tmp_path).missing()] == [1, 2]


def test_parts_of_another_size_or_that_something_else_answered_are_not_ours(
    tmp_path: Path,
) -> None:
    _keep_all(_parts(tmp_path))
    assert [number for number, _, _ in _parts(tmp_path, size=3).missing()] == [0, 1, 2, 3]
    other = _parts(tmp_path, about={"engine": "onnxruntime"})
    assert [number for number, _, _ in other.missing()] == [0, 1, 2]


def test_each_part_is_shared_after_it_was_kept(tmp_path: Path) -> None:
    shared: list[str] = []
    parts = BatchParts(tmp_path, 10, 4, _ABOUT, lambda file: shared.append(file.name))
    _keep_all(parts)
    assert shared == [f"part-0000{n}.parquet" for n in range(3)]
