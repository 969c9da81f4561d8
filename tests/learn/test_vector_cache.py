"""The caches of vectors: in memory and in a file that processes share."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from app.learn.vector_cache import MemoryVectorCache, SqliteVectorCache, VectorCache

LARGE = 10**9


def numbers(count: int, width: int = 4, start: int = 0) -> np.ndarray:
    return np.arange(start, start + count * width, dtype=np.float32).reshape(count, width)


@pytest.fixture(params=["memory", "file"])
def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> VectorCache:
    return (
        MemoryVectorCache()
        if request.param == "memory"
        else SqliteVectorCache(tmp_path / "v", LARGE)
    )


def test_a_vector_comes_back_bit_by_bit_and_only_for_its_encoder(vectors: VectorCache) -> None:
    kept = np.array([[0.1, -0.0], [1e-38, 3.0]], dtype=np.float32)
    vectors.put("e1", ["grüß", "a\ud800"], kept)
    first, nothing, second = vectors.get("e1", ["grüß", "other", "a\ud800"])
    assert first is not None
    assert second is not None
    assert nothing is None
    assert np.stack([first, second]).tobytes() == kept.tobytes()
    assert vectors.get("e2", ["grüß"]) == [None]


def test_features_of_images_keep_their_shape(vectors: VectorCache) -> None:
    vectors.put("e", ["x"], np.zeros((1, 2, 3, 5), dtype=np.float32))
    (found,) = vectors.get("e", ["x"])
    assert found is not None
    assert found.shape == (2, 3, 5)


def test_a_file_finds_more_vectors_than_one_statement_may_ask_for(tmp_path: Path) -> None:
    vectors = SqliteVectorCache(tmp_path / "v", LARGE)
    names = [str(i) for i in range(1234)]
    vectors.put("e", names, numbers(1234))
    found = SqliteVectorCache(tmp_path / "v", LARGE).get("e", names)
    assert np.array_equal(np.stack([v for v in found if v is not None]), numbers(1234))


def test_the_oldest_vectors_make_room_in_a_full_file(tmp_path: Path) -> None:
    vectors = SqliteVectorCache(tmp_path / "v", 3_000_000)
    for block in range(8):
        names = [f"{block} {i}" for i in range(1000)]
        vectors.put("e", names, numbers(1000, 384))
    assert vectors.get("e", ["0 0", "1 7"]) == [None, None]
    assert vectors.get("e", ["7 999"])[0] is not None
    size = sum(file.stat().st_size for file in tmp_path.glob("v"))
    assert size < 6_000_000


def test_a_damaged_file_costs_the_vectors_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "v"
    file.write_bytes(b"this is no database" * 100)
    vectors = SqliteVectorCache(file, LARGE)
    vectors.put("e", ["a"], numbers(1))
    assert vectors.get("e", ["a"]) == [None]


def _write(file: Path, number: int) -> None:
    for turn in range(20):
        names = [f"{number} {turn} {i}" for i in range(20)]
        SqliteVectorCache(file, LARGE).put("e", names, numbers(20, start=number))


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path / "v", n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    names = [f"{n} {turn} {i}" for n in range(3) for turn in range(20) for i in range(20)]
    found = SqliteVectorCache(tmp_path / "v", LARGE).get("e", names)
    assert not any(vector is None for vector in found)
