"""An order carried out by several workers of Ray Train at once, within the cluster."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from app.engines.ray_task import perform


def perform_together(order: str, needs: dict[str, Any]) -> None:
    """Carry out an order (a line of JSON) in each of `needs["workers"]` processes.

    Ray Train sets up torch's process group around them, gloo on CPUs and NCCL between GPUs; what
    an order makes of it is its own affair. One worker that fails ends all, and nothing is tried
    again: the database owns retries.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    # What workers print goes to standard output as it is, and not to Ray Train's own log as well.
    os.environ["RAY_TRAIN_ENABLE_PRINT_PATCH"] = "0"
    gpus = needs["gpus"] > 0
    with tempfile.TemporaryDirectory(prefix="babelport-train-") as storage:
        TorchTrainer(
            _take_part,
            train_loop_config={"order": order},
            torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=needs["workers"],
                use_gpu=gpus,
                resources_per_worker={
                    "CPU": needs["cpus"],
                    **({"GPU": needs["gpus"]} if gpus else {}),
                },
            ),
            run_config=RunConfig(
                name=json.loads(order)["label"],
                # Ours to fill in, though nothing is ever reported to Ray Train.
                storage_path=storage,
                failure_config=FailureConfig(  # its older signature is what type checkers see
                    max_failures=0,
                    max_preemption_failures=0,  # type: ignore[call-arg]
                ),
            ),
        ).fit()


def _take_part(config: dict[str, str]) -> None:
    code = perform(config["order"])
    if code:
        raise RuntimeError(f"A worker ended with exit code {code}.")
