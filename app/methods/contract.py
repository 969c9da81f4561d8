"""What a method of transfer is: a light specification, and a function that does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from app.domain.enums import Format, Role, Task

if TYPE_CHECKING:
    from app.learn.examples import Examples
    from app.learn.monitor import Monitor
    from app.learn.network import Network


class Parameters(BaseModel):
    """The parent of every method's parameters: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class MethodSpec:
    """A method as `GET /v1/methods` shows it; importing it imports no torch.

    `run` names the function that does the work (`package.module:function`), imported only in
    the transfer's own process.
    """

    name: str
    family: str
    summary: str
    parameters: type[Parameters]
    required_roles: frozenset[Role]
    optional_roles: frozenset[Role]
    tasks: frozenset[Task]
    formats: frozenset[Format]
    run: str


@dataclass(frozen=True)
class MethodInput:
    """All that a method sees; test rows are not among it.

    `network` is the source model, loaded, on the CPU, and the method's own to change.
    `validation` is None where the user asked for none: then there is no early stopping.
    `parameters` is an instance of the method's own Parameters.
    """

    network: Network
    train: Examples
    parameters: Any
    validation: Examples | None = None
    source: Examples | None = None
    seed: int = 0


@dataclass(frozen=True)
class MethodOutput:
    """The transferred network (CPU, eval mode) and an account of how it came about.

    `history` has one dict per look at the training, a few dozen in each stage, with the scores on
    the validation rows where there are any; `stopped` says in a sentence why training ended.
    """

    network: Network
    history: list[dict[str, Any]]
    stopped: str


class Run(Protocol):
    """The function behind `MethodSpec.run`; deterministic by `seed` on the CPU.

    It calls `monitor.progress` at least once a second and lets its `Cancelled` pass.
    """

    def __call__(self, given: MethodInput, monitor: Monitor) -> MethodOutput: ...
