"""The attendant of a Ray task: its owner in the cluster, and its stand-in on this machine."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, TaskCancelledError

from app.engines.ray import MEMORY_RAN_OUT
from app.engines.ray_log import wait_for_the_last_line
from app.engines.ray_task import perform_task

# How the failure of one of several workers, told in words, says that memory ran out.
_NO_MEMORY = re.compile(r"OutOfMemory|out of memory|not enough memory")
_log = logging.getLogger(__name__)


def attend_task(
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
    order = {"target": target, "arguments": arguments, "environment": environment, "label": label}
    _log.info("%s is handed to the Ray cluster at %s", label, needs["address"])
    ending = _Ending(_submit(needs, json.dumps(order), label), gently=needs["workers"] == 1)
    code = ending.wait()
    if code >= 0:
        wait_for_the_last_line(Path(log), begin, label)
    ray.shutdown()
    _end(code)


def _submit(needs: dict[str, Any], order: str, label: str) -> ray.ObjectRef:
    together = needs["workers"] > 1  # then the workers take the resources, and the task none
    task = ray.remote(
        num_cpus=0 if together else needs["cpus"],
        num_gpus=0 if together else needs["gpus"],
        max_retries=0,  # the database owns them
        max_calls=1,  # a process of its own
    )(perform_task)
    return task.options(name=label).remote(order, needs)


class _Ending:
    """Waits for the end of a task, and hastens it where a signal asks for that."""

    def __init__(self, task: ray.ObjectRef, gently: bool) -> None:
        self._task = task
        self._gently = gently
        self._asked = 0
        signal.signal(signal.SIGTERM, self._hasten)

    def wait(self) -> int:
        """The exit code, or minus the number of the signal that we let stand for the end."""
        try:
            # A future, since `ray.get` looks for signals once a second only.
            return int(self._task.future().result())
        except TaskCancelledError:
            return -signal.SIGTERM if self._asked < 2 else -signal.SIGKILL
        except OutOfMemoryError as error:
            _log.error("%s", error)
            return MEMORY_RAN_OUT
        except RayTaskError as error:
            if self._asked == 1:  # by ray:// a cancelled task looks like any that raised
                return -signal.SIGTERM
            _log.error("%s", error)  # the traceback is its message
            return MEMORY_RAN_OUT if _NO_MEMORY.search(str(error)) else 1
        except RayError as error:
            # Its process, its machine or the connection is gone; which, says the error.
            _log.error("%s: %s", type(error).__name__, error)
            return -signal.SIGTERM if self._asked == 1 else -signal.SIGKILL

    def _hasten(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        ray.cancel(self._task, force=self._asked > 1 or not self._gently)


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
