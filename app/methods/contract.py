"""The contract of a method: specification, input, output; and which methods there are."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

import app.methods
from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.domain.errors.methods import MethodUnknown

if TYPE_CHECKING:
    import numpy as np

    from app.learn.callbacks import Checkpoints, Monitor
    from app.learn.data.examples import Examples, Inputs, TextPairs
    from app.learn.network import Network
    from app.learn.vector_cache import VectorCache


class Parameters(BaseModel):
    """The parent of every method's parameters: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class MethodRequest:
    """What a transfer asks of a method, as far as it is known before anything is loaded.

    `rows` counts the usable rows of the datasets given; `auxiliary_model` is None where none is
    named.
    """

    parameters: Any
    rows: dict[Role, int]
    auxiliary_model: str | None = None


def _uses_no_validation(parameters: Any) -> bool:
    return False


@dataclass(frozen=True)
class MethodSpec:
    """A method as `GET /v1/methods` shows it; importing it imports no torch.

    `run` names the function that does the work (`package.module:function`), imported only in the
    transfer's own process. Of the roles in `one_of`, at least one must be given. `auxiliary_model`
    says whether the method takes a second model, one that knows the target language, and
    `auxiliary_formats` which formats it may have. `check` raises an InvalidInput where the method
    can tell already that it will not do; it must be quick. `data_parallel` says that several
    processes may run the method side by side, with the same seed, and share its training.
    `uses_validation` says by the parameters whether a run learns anything from validation rows:
    where it does not, none are split off the training rows unless the user says so.
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
    auxiliary_model: AuxiliaryModelUse = AuxiliaryModelUse.NONE
    auxiliary_formats: frozenset[Format] = frozenset({Format.HUGGINGFACE})
    one_of: frozenset[Role] = frozenset()
    check: Callable[[MethodRequest], None] | None = None
    data_parallel: bool = False
    uses_validation: Callable[[Any], bool] = _uses_no_validation

    @property
    def roles(self) -> frozenset[Role]:
        """Every role that the method has a use for; test rows are the service's own."""
        return self.required_roles | self.optional_roles | self.one_of


@dataclass(frozen=True)
class MethodInput:
    """All that a method sees; test rows are not among it.

    `network` is the source model, loaded, on the CPU, and the method's own to change; so is
    `auxiliary_model`, the second model. `train` and `validation` hold labelled target rows;
    `validation` is None where there are none: then there is no early stopping. `unlabelled` and
    `source_unlabelled` are inputs of the target and the source language without labels.
    `parameters` is an instance of the method's own Parameters. Languages are BCP-47 tags.
    `vectors` and `checkpoints` outlive the call; a method may do without them.
    """

    network: Network
    parameters: Any
    train: Examples | None = None
    validation: Examples | None = None
    source: Examples | None = None
    unlabelled: Inputs | None = None
    source_unlabelled: Inputs | None = None
    parallel: TextPairs | None = None
    dictionary: TextPairs | None = None
    auxiliary_model: Network | None = None
    source_language: str = "und"
    target_language: str = "und"
    vectors: VectorCache | None = None
    checkpoints: Checkpoints | None = None
    seed: int = 0

    def labelled_rows(self) -> Examples:
        """`train`, for methods whose specification requires the role."""
        if self.train is None:
            raise ValueError("this method needs labelled rows; its specification requires them")
        return self.train

    @property
    def roles(self) -> frozenset[Role]:
        """The roles of which there is data."""
        data_by_role = {role: getattr(self, role.value, None) for role in Role}
        return frozenset(role for role, data in data_by_role.items() if data is not None)

    def restricted_to(self, spec: MethodSpec) -> MethodInput:
        """Without the roles and the auxiliary model that the method has no use for."""
        dropped: dict[str, Any] = {role.value: None for role in self.roles - spec.roles}
        if spec.auxiliary_model is AuxiliaryModelUse.NONE:
            dropped["auxiliary_model"] = None
        return replace(self, **dropped)


@dataclass(frozen=True)
class OutOfFold:
    """Answers to labelled target rows by networks that were not fitted, nor chosen, on them.

    `rows` are all that the method had labels of; `answers` are probabilities as the objective's.
    """

    rows: Examples
    answers: np.ndarray


@dataclass(frozen=True)
class MethodOutput:
    """The transferred network (CPU, eval mode), and the report on its training.

    `history` has one dict per look at the training, a few dozen in each stage, with the scores on
    the validation rows where there are any; `stopped` says in a sentence why training ended.
    `report` is the method's own, as JSON. `rebuilt` says that the network is of another
    shape than the source model (another encoder, another vocabulary), so that what is known of
    it must be read from its file. `notes` are sentences on what was done otherwise than asked for.
    `fitted_on_validation` says that validation rows were trained on like any others, so that they
    say nothing of the network; `out_of_fold` speaks for it then.
    """

    network: Network
    history: list[dict[str, Any]]
    stopped: str
    report: dict[str, Any] = field(default_factory=dict)
    rebuilt: bool = False
    notes: tuple[str, ...] = ()
    fitted_on_validation: bool = False
    out_of_fold: OutOfFold | None = None


class RunMethod(Protocol):
    """The function behind `MethodSpec.run`; deterministic by `seed` on the CPU.

    It calls `monitor.progress` at least once a second and lets its `Cancelled` pass.
    """

    def __call__(self, method_input: MethodInput, monitor: Monitor) -> MethodOutput: ...


@lru_cache(maxsize=1)
def methods() -> tuple[MethodSpec, ...]:
    """Every method's specification, by name; imports no torch."""
    packages = [info.name for info in pkgutil.iter_modules(app.methods.__path__) if info.ispkg]
    specs = [import_module(f"app.methods.{name}.spec").SPEC for name in packages]
    return tuple(sorted(specs, key=lambda spec: spec.name))


def method_named(name: str) -> MethodSpec:
    """The method called `name`; raises `MethodUnknown`."""
    for spec in methods():
        if spec.name == name:
            return spec
    raise MethodUnknown(name, tuple(spec.name for spec in methods()))


def run_of(spec: MethodSpec) -> RunMethod:
    """The function that does the method's work; imports torch, so only for a transfer's process."""
    module, function = spec.run.split(":")
    run: RunMethod = getattr(import_module(module), function)
    return run
