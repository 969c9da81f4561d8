"""How many transfers a worker carries out at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings
from app.worker import context
from app.worker.context import slots


@pytest.fixture(autouse=True)
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a GPU, whatever this one has; the folder lists its GPUs."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(context, "_GPUS", tmp_path)
    return tmp_path


def test_without_a_gpu_the_processors_are_shared_among_the_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    found = slots(Settings(cpu_slots=4))
    assert [slot.environment for slot in found] == [{"OMP_NUM_THREADS": "2"}] * 4
    assert slots(Settings())[0].environment == {}


def test_each_gpu_has_its_own_slots_and_each_child_sees_one_gpu(no_gpu: Path) -> None:
    for gpu in ("0000:01:00.0", "0000:02:00.0"):
        (no_gpu / gpu).mkdir()
    found = slots(Settings(gpu_slots=2, cpu_slots=5))
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in found] == ["0", "0", "1", "1"]


def test_a_worker_keeps_to_the_gpus_that_it_may_use(
    no_gpu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (no_gpu / "0000:01:00.0").mkdir()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    found = slots(Settings())
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in found] == ["3", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert [slot.name for slot in slots(Settings())] == ["cpu-0"]
