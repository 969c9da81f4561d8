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
from app.formats.catalog import recognise
from app.learn.adaptation import adapt
from app.learn.batches import Stream
from app.learn.checkpoint_folder import CheckpointFolder
from app.learn.checkpoints import Checkpoints, NoCheckpoints
from app.learn.first_checkpoints import FirstCheckpoints
from app.learn.monitor import Cancelled, Monitor, Silence
from app.learn.process_group import replicas_of_this_process
from app.learn.replicas import training_among
from app.learn.run_stage import AdaptationRows
from app.learn.training_options import Strategy, TrainingOptions
from tests.support.datasets import labelled_examples

OPTIONS = TrainingOptions(
    strategy=Strategy.LP_FT, max_steps=12, batch_size=7, learning_rate=0.003, class_weights=True
)


class EndsInTheSecondStage(Silence):
    """Raises at step 7 of it."""

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Raise where it is time."""
        if phase == "training every parameter" and facts.get("step") == 7:
            raise Cancelled


def train(
    folder: Path, monitor: Monitor, checkpoints: Checkpoints
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """The history and the parameters of a small classifier; 41 rows do not divide by 7."""
    found = recognise(folder / "model")
    network = found.load(folder / "model", found.inspect(folder / "model", ModelHints()))
    whole = labelled_examples(53, "de")
    rows = AdaptationRows(
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
        ("whole", Silence(), NoCheckpoints()),
        ("interrupted", EndsInTheSecondStage() if rank == 0 else Silence(), kept),
        ("resumed", Silence(), kept),
    ):
        meeting = f"file://{folder}/meeting-{name}"
        distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
        replicas = replicas_of_this_process()
        try:
            with training_among(replicas):
                history, state = train(folder, monitor, FirstCheckpoints(checkpoints))
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
