"""Several processes train one network together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from app.learn.callbacks import NoCheckpoints, NullMonitor
from app.learn.tasks.single_label import SingleLabel
from app.learn.tasks.tagging import Tagging
from app.learn.training.distributed import SingleProcess, micro_batches, parts_of, use_replicas
from tests.support.datasets import LABELS
from tests.support.models import a_text_classifier
from tests.support.train_as_replica import train

_SIZE = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have trained together: all the way, in part, and on from there."""
    folder = tmp_path_factory.mktemp("replicas")
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    a_text_classifier(folder / "model", labels=LABELS, **no_dropout)
    command = [sys.executable, "-m", "tests.support.train_as_replica"]
    started = [
        subprocess.Popen([*command, str(rank), str(_SIZE), str(folder)]) for rank in range(_SIZE)
    ]
    assert [process.wait(120) for process in started] == [0] * _SIZE
    return folder


class OneOfThree(SingleProcess):
    """The second of three processes, as far as shares of batches go."""

    rank = 1
    size = 3


def test_two_processes_train_what_one_trains_up_to_rounding(folder: Path) -> None:
    history, state = train(folder, NullMonitor(), NoCheckpoints())
    together = _history(folder, "whole", 0)
    assert [line["step"] for line in together] == [line["step"] for line in history]
    for alone, shared in zip(history, together, strict=True):
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            assert shared[name] == pytest.approx(alone[name], rel=1e-4), (alone["stage"], name)
    for name, tensor in load_file(folder / "whole-0.safetensors").items():
        torch.testing.assert_close(tensor, state[name], rtol=1e-3, atol=1e-5, msg=name)


def test_every_process_ends_with_the_same_parameters_bit_for_bit(folder: Path) -> None:
    first, second = (load_file(folder / f"whole-{rank}.safetensors") for rank in range(_SIZE))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_all_resume_from_the_checkpoint_of_the_first_with_the_same_numbers(
    folder: Path,
) -> None:
    assert all((folder / f"interrupted-{rank}.ended").exists() for rank in range(_SIZE))
    for rank in range(_SIZE):
        assert _history(folder, "resumed", rank) == _history(folder, "whole", rank)


def test_the_shares_of_a_batch_hold_each_row_once_and_short_and_long_ones_alike() -> None:
    with use_replicas(OneOfThree()):
        assert [(part.tolist(), n) for part, n in parts_of(np.arange(8))] == [([1, 4, 7], 1.0)]
        with micro_batches(2):
            assert [part.tolist() for part, _ in parts_of(np.arange(12))] == [[1, 4], [7, 10]]


def test_a_batch_too_small_to_share_is_everybodys_and_counts_once_in_all() -> None:
    with use_replicas(OneOfThree()):
        assert [(part.tolist(), n) for part, n in parts_of(np.arange(5))] == [
            ([0, 1, 2, 3, 4], pytest.approx(1 / 3))
        ]


def test_what_a_loss_is_the_mean_over_is_counted_by_class_weights_and_words() -> None:
    weights = torch.tensor([1.0, 3.0])
    single, tagging = SingleLabel(("a", "b")), Tagging(("O", "B-X"))
    targets, words = torch.tensor([0, 1, 1]), torch.tensor([[0, 1, -100], [1, -100, -100]])
    assert (single.loss_weight(targets), single.loss_weight(targets, weights)) == (3, 7)
    assert (tagging.loss_weight(words), tagging.loss_weight(words, weights)) == (3, 7)


def _history(folder: Path, name: str, rank: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = json.loads((folder / f"{name}-{rank}.json").read_text())
    return lines
