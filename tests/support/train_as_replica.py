"""One of several processes that train together: `python -m tests.support.train_as_replica`.

Arguments: rank, number of processes, the folder with the model, which also takes the results.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import distributed

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import Cancelled, Checkpoints, Monitor, NoCheckpoints, NullMonitor
from app.learn.data.batch_sampler import Stream
from app.learn.training.checkpointing import CheckpointFolder
from app.learn.training.distributed import RankZeroCheckpoints, process_group_replicas, use_replicas
from app.learn.training.recipe import Strategy, TrainingOptions
from app.learn.training.rows import TrainingRows
from app.learn.training.trainer import adapt
from tests.support.datasets import labelled_examples

OPTIONS = TrainingOptions(
    strategy=Strategy.LP_FT, max_steps=12, batch_size=7, learning_rate=0.003, class_weights=True
)


class EndsInTheSecondStage(NullMonitor):
    """Raises at step 7 of it."""

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Raise where it is time."""
        if phase == "training every parameter" and facts.get("step") == 7:
            raise Cancelled


def train(
    folder: Path, monitor: Monitor, checkpoints: Checkpoints
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """The history and the parameters of a small classifier; 41 rows do not divide by 7."""
    found = detect_format(folder / "model")
    network = found.load(folder / "model", found.inspect(folder / "model", ModelHints()))
    whole = labelled_examples(53, "de")
    rows = TrainingRows(
        train=whole.take(np.arange(41)),
        streams=(Stream(np.arange(30)), Stream(np.arange(30, 41), share=0.3)),
        validation=whole.take(np.arange(41, 53)),
    )
    history, _ = adapt(network, rows, OPTIONS, 0, monitor, checkpoints)
    return history, {k: v.contiguous().clone() for k, v in network.state_dict().items()}


def main(rank: int, size: int, folder: Path) -> None:
    """Train; train again as far as step 7 of the second stage; go on from there."""
    kept = CheckpointFolder(folder / "kept", pause=0) if rank == 0 else NoCheckpoints()
    for name, monitor, checkpoints in (
        ("whole", NullMonitor(), NoCheckpoints()),
        ("interrupted", EndsInTheSecondStage() if rank == 0 else NullMonitor(), kept),
        ("resumed", NullMonitor(), kept),
    ):
        meeting = f"file://{folder}/meeting-{name}"
        distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
        replicas = process_group_replicas()
        try:
            with use_replicas(replicas):
                history, state = train(folder, monitor, RankZeroCheckpoints(checkpoints))
            (folder / f"{name}-{rank}.json").write_text(json.dumps(history))
            save_file(state, folder / f"{name}-{rank}.safetensors")
        except (Cancelled, RuntimeError):
            # The first process ends, and with its connections the others' next sum.
            (folder / f"{name}-{rank}.ended").touch()
        finally:
            distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
