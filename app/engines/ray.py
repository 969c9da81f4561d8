"""The Ray engine: each order as a task of a Ray cluster."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from app.engines.contract import Order
from app.engines.local import LABEL_VARIABLE, LocalProcess, start_child

# The attendant's exit code where Ray has ended the task because its machine's memory ran out.
MEMORY_RAN_OUT = 71
_SECONDS_BY_FORCE = 10.0
_FOR_RAY = {
    # The log takes every line, also one like the line before, and without colours.
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    # By ray:// the cluster waits so many seconds for an attendant that is gone to come back.
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
    """Hands orders to a Ray cluster, each through an attendant: a child process of this machine.

    The attendant is what `Running` speaks of. It holds the connection to the cluster, so that one
    that is lost costs an attempt and not this process, and it owns the task, so that Ray ends the
    task when the attendant dies.
    """

    def __init__(self, needs: RayNeeds) -> None:
        self.needs = needs

    def start(self, order: Order) -> RayProcess:
        """Begin to carry out the order; Ray may make it wait for free CPUs and GPUs."""
        arguments = {
            "needs": asdict(self.needs),
            "target": order.target,
            "arguments": order.arguments,
            "environment": {**order.environment, LABEL_VARIABLE: order.label},
            "label": order.label,
            "log": str(order.log.resolve()),
        }
        attendant = Order(
            target="app.engines.ray_attendant:attend_task",
            arguments=arguments,
            label=order.label,
            log=order.log,
            environment=order.environment | _FOR_RAY,
        )
        return RayProcess(start_child(attendant))


class RayProcess(LocalProcess):
    """The attendant of a task, asked twice to end it: the second time it ends it by force."""

    def died_of_memory(self) -> bool:
        """Whether Ray ended the task because its machine's memory ran out."""
        return self.poll() == MEMORY_RAN_OUT

    def stop(self, grace: float) -> None:
        """End the task: gently, and after `grace` seconds by force; Ray ends what is left of it."""
        self._ask_to_end(grace)
        self._ask_to_end(_SECONDS_BY_FORCE)
        super().stop(grace=0)
