"""Checkpoints in a folder."""

from __future__ import annotations

from pathlib import Path

import torch

from app.learn.callbacks import PrefixedCheckpoints
from app.learn.training.checkpointing import CheckpointFolder


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    tensors = {"a/weight": torch.randn(3, 2), "random": torch.arange(5, dtype=torch.uint8)}
    facts = {"step": 3, "loss": 0.1 + 0.2, "why": "", "scores": [[1, None], [2.5, "é"]]}
    CheckpointFolder(tmp_path / "new").save("stage", tensors, facts)
    found = CheckpointFolder(tmp_path / "new").load("stage")
    assert found is not None
    assert found[1] == facts
    assert found[0].keys() == tensors.keys()
    assert all(torch.equal(found[0][name], tensor) for name, tensor in tensors.items())


def test_tensors_that_share_memory_come_back_both(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    tensors = {"whole": whole, "again": whole, "part": whole[2:4], "spread": whole[:1].expand(3)}
    CheckpointFolder(tmp_path).save("stage", tensors, {})
    found = CheckpointFolder(tmp_path).load("stage")
    assert found is not None
    assert all(torch.equal(found[0][name], tensor) for name, tensor in tensors.items())


def test_a_later_state_replaces_the_earlier_and_leaves_no_other_file(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    for step in (1, 2):
        folder.save("stage", {"x": torch.full((2,), float(step))}, {"step": step})
    found = folder.load("stage")
    assert found is not None
    assert found[1] == {"step": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["stage.safetensors"]


def test_nothing_is_found_where_nothing_or_nonsense_lies(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    assert folder.load("stage") is None
    (tmp_path / "stage.safetensors").write_bytes(b"half a file")
    assert folder.load("stage") is None


def test_parts_of_a_computation_keep_apart(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    first, second = PrefixedCheckpoints(folder, "head"), PrefixedCheckpoints(folder, "all")
    first.save("stage", {"x": torch.zeros(1)}, {"part": 1})
    assert second.load("stage") is None
    second.save("stage", {"x": torch.zeros(1)}, {"part": 2})
    found = first.load("stage")
    assert found is not None
    assert found[1] == {"part": 1}


def test_a_save_is_due_only_after_the_pause(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path, pause=0.0).due()
    assert not CheckpointFolder(tmp_path, pause=3600.0).due()


def test_a_save_is_due_at_once_when_the_process_should_end(tmp_path: Path) -> None:
    ends = [False]
    folder = CheckpointFolder(tmp_path, pause=1e9, urgent=lambda: ends[0])
    assert not folder.due()
    ends[0] = True
    assert folder.due()
