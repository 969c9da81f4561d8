"""A Ray task: its driver on this machine, and what it runs in the cluster; needs Ray."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, TaskCancelledError

from app.engines.child import call
from app.engines.ray import MEMORY_RAN_OUT

# How the failure of one of several workers, in words, says that memory ran out.
_NO_MEMORY = re.compile(r"OutOfMemory|out of memory|not enough memory")
_log = logging.getLogger(__name__)
_SECONDS = 5.0
_LOOK_SECONDS = 0.02


def drive_task(
    needs: dict[str, Any],
    target: str,
    arguments: dict[str, Any],
    environment: dict[str, str],
    label: str,
    log: str,
) -> None:
    """Run the callable as a Ray task, and end as it ends: exit code or signal.

    What the task prints is printed here as well. The first SIGTERM cancels the task gently, which
    one that is blocked outside Python does not hear; the second ends its process. Several workers
    are ended at once: they go on from their last checkpoint.
    """
    ray.init(address=needs["address"], log_to_driver=True, logging_level=logging.WARNING)
    begin = Path(log).stat().st_size
    spec = {"target": target, "arguments": arguments, "environment": environment, "label": label}
    _log.info("%s is handed to the Ray cluster at %s", label, needs["address"])
    ending = _Ending(_submit(needs, json.dumps(spec), label), gently=needs["workers"] == 1)
    code = ending.wait()
    if code >= 0:
        wait_for_the_last_line(Path(log), begin, label)
    ray.shutdown()
    _end(code)


def _submit(needs: dict[str, Any], spec: str, label: str) -> ray.ObjectRef:
    together = needs["workers"] > 1  # then the workers take the resources, and the task none
    task = ray.remote(
        num_cpus=0 if together else needs["cpus"],
        num_gpus=0 if together else needs["gpus"],
        max_retries=0,  # the database owns them
        max_calls=1,  # a process of its own
    )(perform_task)
    return task.options(name=label).remote(spec, needs)


class _Ending:
    """Waits for the end of a task, and cancels it where a signal asks for that."""

    def __init__(self, task: ray.ObjectRef, gently: bool) -> None:
        self._task = task
        self._gently = gently
        self._signals = 0
        signal.signal(signal.SIGTERM, self._cancel)

    def wait(self) -> int:
        """The exit code, or minus the number of the signal that we let stand for the end."""
        try:
            # A future, since `ray.get` looks for signals once a second only.
            return int(self._task.future().result())
        except TaskCancelledError:
            return -signal.SIGTERM if self._signals < 2 else -signal.SIGKILL
        except OutOfMemoryError as error:
            _log.error("%s", error)
            return MEMORY_RAN_OUT
        except RayTaskError as error:
            if self._signals == 1:  # by ray:// a cancelled task looks like any that raised
                return -signal.SIGTERM
            _log.error("%s", error)  # the traceback is its message
            return MEMORY_RAN_OUT if _NO_MEMORY.search(str(error)) else 1
        except RayError as error:
            # Its process, its machine or the connection is gone; which, says the error.
            _log.error("%s: %s", type(error).__name__, error)
            return -signal.SIGTERM if self._signals == 1 else -signal.SIGKILL

    def _cancel(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        ray.cancel(self._task, force=self._signals > 1 or not self._gently)


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def perform_task(spec: str, needs: dict[str, Any]) -> int:
    """Carry out a job (its specification, a line of JSON); the exit code of an orderly end.

    With several workers this process only waits for them.
    """
    try:
        if needs["workers"] > 1:
            perform_together(spec, needs)
            return 0
        signal.signal(signal.SIGINT, _raise_sigterm)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return perform(spec)
    finally:
        for stream in (sys.stdout, sys.stderr):
            print(last_line(json.loads(spec)["label"]), file=stream, flush=True)


def perform(spec: str) -> int:
    """Call what the specification names in this process; the exit code.

    The environment is laid over this process's here and is no part of the task's description,
    which Ray shows to everybody.
    """
    read = json.loads(spec)
    os.environ.update(read["environment"])
    try:
        call(read["target"], read["arguments"])
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return 0


def _raise_sigterm(_number: int, _frame: FrameType | None) -> None:
    """Ray cancels by what looks like SIGINT; everywhere else of ours the gentle way is SIGTERM."""
    signal.raise_signal(signal.SIGTERM)


def perform_together(spec: str, needs: dict[str, Any]) -> None:
    """Carry out a job (its specification, a line of JSON) in each of `needs["workers"]` processes.

    Ray Train sets up torch's process group around them, gloo on CPUs and NCCL between GPUs; what
    a job makes of it is its own affair. One worker that fails ends all, and nothing is tried
    again: the database owns retries.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    # What workers print goes to standard output as it is, and not to Ray Train's own log as well.
    os.environ["RAY_TRAIN_ENABLE_PRINT_PATCH"] = "0"
    gpus = needs["gpus"] > 0
    with tempfile.TemporaryDirectory(prefix="babelport-train-") as storage:
        TorchTrainer(
            _run_worker,
            train_loop_config={"spec": spec},
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
                name=json.loads(spec)["label"],
                # Ours to fill in, though nothing is ever reported to Ray Train.
                storage_path=storage,
                failure_config=FailureConfig(  # its older signature is what type checkers see
                    max_failures=0,
                    max_preemption_failures=0,  # type: ignore[call-arg]
                ),
            ),
        ).fit()


def _run_worker(config: dict[str, str]) -> None:
    code = perform(config["spec"])
    if code:
        raise RuntimeError(f"A worker ended with exit code {code}.")


def last_line(label: str) -> str:
    """What a task prints last, to standard output and to standard error."""
    return f"The task {label} has ended."


def wait_for_the_last_line(log: Path, begin: int, label: str) -> None:
    """Wait until both streams' last lines stand in `log` after byte `begin`.

    Ray carries lines over in the background. Where they do not come within five seconds (a burst
    of output, a machine that is lost) the rest stays in Ray's own log on the task's machine.
    """
    deadline = time.monotonic() + _SECONDS
    wanted = last_line(label).encode()
    while log.read_bytes()[begin:].count(wanted) < 2 and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
