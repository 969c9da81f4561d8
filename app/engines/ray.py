"""The Ray engine: each job as a task of a Ray cluster."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from app.engines.contract import JobSpec
from app.engines.local import LABEL_VARIABLE, LocalProcess, start_child

# The driver's exit code where Ray has ended the task because its machine's memory ran out.
MEMORY_RAN_OUT = 71
_SECONDS_BY_FORCE = 10.0
_FOR_RAY = {
    # The log takes every line, also one like the line before, and without colours.
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    # By ray:// the cluster waits so many seconds for a driver that is gone to come back.
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "5",
}


@dataclass(frozen=True)
class RayNeeds:
    """Where the cluster is (`host:port`, `ray://host:port` or `auto`), and what a task takes.

    With several `workers` each takes as many CPUs and GPUs.
    """

    address: str
    cpus: float = 1.0
    gpus: float = 0.0
    workers: int = 1


class RayEngine:
    """Hands jobs to a Ray cluster, each through a driver: a child process of this machine.

    The driver is the `RunningJob`. It holds the connection to the cluster, so that one that is
    lost costs an attempt and not this process, and it owns the task, so that Ray ends the task
    when the driver dies.
    """

    def __init__(self, needs: RayNeeds) -> None:
        self.needs = needs

    def start(self, spec: JobSpec) -> RayProcess:
        """Begin to carry out the job; Ray may make it wait for free CPUs and GPUs."""
        arguments = {
            "needs": asdict(self.needs),
            "target": spec.target,
            "arguments": spec.arguments,
            "environment": {**spec.environment, LABEL_VARIABLE: spec.label},
            "label": spec.label,
            "log": str(spec.log.resolve()),
        }
        driver = JobSpec(
            target="app.engines.ray_task:drive_task",
            arguments=arguments,
            label=spec.label,
            log=spec.log,
            environment=spec.environment | _FOR_RAY,
        )
        return RayProcess(start_child(driver))


class RayProcess(LocalProcess):
    """The driver of a task, asked twice to end it: the second time it ends it by force."""

    def died_of_memory(self) -> bool:
        """Whether Ray ended the task because its machine's memory ran out."""
        return self.poll() == MEMORY_RAN_OUT

    def stop(self, grace: float) -> None:
        """End the task: gently, and after `grace` seconds by force; Ray ends what is left of it."""
        self._terminate(grace)
        self._terminate(_SECONDS_BY_FORCE)
        super().stop(grace=0)
