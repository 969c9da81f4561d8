"""The candidates of `auto`: the grid of settings, and their out-of-fold answers."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from app.domain.enums import AuxiliaryModelUse
from app.domain.errors import BabelportError, InvalidInput
from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import Examples, concatenate_examples
from app.learn.data.leakage import drop_leaks
from app.learn.data.splits import clusters, fold_numbers
from app.learn.devices import best_device
from app.learn.inference import logits_frozen, predict
from app.learn.network import Network
from app.learn.tasks.contract import Objective, require_finite
from app.methods.contract import (
    MethodInput,
    MethodOutput,
    MethodRequest,
    MethodSpec,
    method_named,
    methods,
    run_of,
)

AVERAGE_NAME = "average"


class Cost(IntEnum):
    """What a candidate changes of the source model, which is what it costs."""

    HEAD = 0  # the head at most, on vectors that are computed once
    ENCODER = 1  # another encoder, vocabulary or map; learns from no target label
    BODY = 2  # every parameter, by gradient descent


@dataclass(frozen=True)
class GridEntry:
    """A candidate: a method with parameters; without a method the untouched source model.

    `averaged` says that its head may be averaged with others. `superseded_by` names an entry that
    makes this one superfluous where it can be fitted.
    """

    name: str
    method: str | None
    cost: Cost
    parameters: dict[str, Any] = field(default_factory=dict)
    superseded_by: str | None = None
    averaged: bool = False

    @property
    def uses_target_labels(self) -> bool:
        """Whether its answers depend on target labels."""
        return self.method is not None and self.cost is not Cost.ENCODER


# Within a cost the first goes before the others where they tie: those that use more of the data
# and stay near the source model where the data says nothing.
GRID = (
    GridEntry("self-train", "self-train", Cost.HEAD, {"strategy": "logistic"}, averaged=True),
    GridEntry("joint, logistic", "joint", Cost.HEAD, {"strategy": "logistic"}, averaged=True),
    GridEntry(
        "fine-tune, logistic", "fine-tune", Cost.HEAD, {"strategy": "logistic"}, averaged=True
    ),
    GridEntry("joint, head", "joint", Cost.HEAD, {"strategy": "head"}, "joint, logistic"),
    GridEntry(
        "fine-tune, head", "fine-tune", Cost.HEAD, {"strategy": "head"}, "fine-tune, logistic"
    ),
    GridEntry("zero-shot", None, Cost.HEAD),
    GridEntry("fine-tune, linear-probe", "fine-tune", Cost.HEAD, {"strategy": "linear-probe"}),
    GridEntry("bridge", "bridge", Cost.ENCODER),
    GridEntry("align", "align", Cost.ENCODER),
    GridEntry("distill", "distill", Cost.ENCODER),
    GridEntry("vocabulary", "vocabulary", Cost.ENCODER),
    GridEntry("fine-tune, lp-ft", "fine-tune", Cost.BODY, {"strategy": "lp-ft"}),
    GridEntry("fine-tune, lora", "fine-tune", Cost.BODY, {"strategy": "lora"}),
    GridEntry("joint, lp-ft", "joint", Cost.BODY, {"strategy": "lp-ft"}),
)


def find_candidates(method_input: MethodInput, rows: int) -> tuple[list[GridEntry], dict[str, str]]:
    """The entries to try, in the grid's order, and the reason against each other one by name.

    `rows` counts the labelled target rows.
    """
    specs = {spec.name: spec for spec in methods()}
    chosen: list[GridEntry] = []
    reasons: dict[str, str] = {}
    for entry in GRID:
        reason = _reason_against(entry, specs, method_input, rows)
        if reason is None:
            chosen.append(entry)
        else:
            reasons[entry.name] = reason
    return chosen, reasons


def _reason_against(
    entry: GridEntry, specs: dict[str, MethodSpec], method_input: MethodInput, rows: int
) -> str | None:
    if entry.method is None:
        return None
    if entry.method not in specs:
        return "There is no such method here."
    spec = specs[entry.method]
    if spec.auxiliary_model is AuxiliaryModelUse.REQUIRED and not method_input.auxiliary_model:
        return "It needs an auxiliary model."
    if entry.cost is Cost.BODY and rows < method_input.parameters.body_rows:
        return (
            f"{rows} labelled rows are fewer than body_rows ({method_input.parameters.body_rows})."
        )
    return (
        _missing_data(spec, method_input)
        or _unknown_setting(entry, spec)
        or _refused_by_check(entry, spec, method_input)
    )


def _missing_data(spec: MethodSpec, method_input: MethodInput) -> str | None:
    roles = method_input.roles
    missing = sorted(spec.required_roles - roles)
    if missing:
        return f"It needs {' and '.join(missing)} data."
    if spec.one_of and not spec.one_of & roles:
        return f"It needs one of {', '.join(sorted(spec.one_of))}."
    if method_input.network.task not in spec.tasks:
        return f"It is not for {method_input.network.task}."
    return None


def _refused_by_check(entry: GridEntry, spec: MethodSpec, method_input: MethodInput) -> str | None:
    """What the method's own check has against it."""
    if spec.check is None:
        return None
    rows = {role: len(getattr(method_input, role.value)) for role in method_input.roles}
    auxiliary_model = None if method_input.auxiliary_model is None else "given"
    parameters = spec.parameters.model_validate(entry.parameters)
    try:
        spec.check(MethodRequest(parameters, rows, auxiliary_model))
    except InvalidInput as problem:
        return str(problem)
    return None


def _unknown_setting(entry: GridEntry, spec: MethodSpec) -> str | None:
    try:
        spec.parameters.model_validate(entry.parameters)
    except ValidationError:
        return "The method has no such setting here."
    return None


class Trial:
    """A candidate in the comparison.

    `answers`: probabilities of all rows, zeros for folds that are not in `folds_done` yet.
    `logits`: the logits behind them, None where features of inputs cannot be kept. `stop_reason`
    is None while it is compared; `duplicate`: it was skipped for one that fits the same parameters.
    """

    def __init__(self, entry: GridEntry, cross_validation: CrossValidation) -> None:
        self.entry = entry
        self.cross_validation = cross_validation
        shape = cross_validation.objective.answer_shape(cross_validation.rows.inputs)
        self.answers = np.zeros(shape, dtype=np.float32)
        self.logits: np.ndarray | None = np.zeros(shape, dtype=np.float32)
        self.folds_done: set[int] = set()
        self.seconds = 0.0
        self.stop_reason: str | None = None
        self.duplicate = False
        self.output: MethodOutput | None = None

    @property
    def complete(self) -> bool:
        """Whether it has answered every row."""
        return len(self.folds_done) == self.cross_validation.count

    def advance(self, folds: list[int], monitor: Monitor) -> None:
        """Answer the rows of `folds`; a failure of the method ends the trial and says why."""
        began = time.monotonic()
        try:
            remaining = [fold for fold in folds if fold not in self.folds_done]
            if not self.entry.uses_target_labels:
                self._answer_all(monitor)
                return
            if self.cross_validation.count < 2:
                self.stop_reason = "A single row cannot be both learnt from and answered."
                return
            for number, fold in enumerate(remaining):
                start, end = number / len(remaining), (number + 1) / len(remaining)
                self._answer_fold(fold, SubProgress(monitor, start, end))
        except (BabelportError, ValueError) as problem:
            self.stop_reason = f"It failed: {problem}"
        finally:
            self.seconds += time.monotonic() - began

    def fit(self, monitor: Monitor) -> MethodOutput:
        """The candidate fitted on every row, in the source network itself where it can be."""
        if self.output is not None:
            return self.output
        if self.entry.method is None:
            monitor.progress("keeping the source model", 1.0)
            return MethodOutput(
                self.cross_validation.method_input.network, [], "The source model is kept as it is."
            )
        return self._run(self.cross_validation.all_rows(), monitor)

    def _answer_all(self, monitor: Monitor) -> None:
        network = self.cross_validation.method_input.network
        if self.entry.method is not None:
            method_input = replace(self.cross_validation.all_rows(), network=copy.deepcopy(network))
            self.output = self._run(method_input, SubProgress(monitor, 0.0, 0.9))
            network = self.output.network
        everything = np.arange(len(self.cross_validation.rows))
        self._answer(network, everything, SubProgress(monitor, 0.9, 1.0))
        self.folds_done = set(range(self.cross_validation.count))

    def _answer_fold(self, fold: int, monitor: Monitor) -> None:
        method_input = self.cross_validation.train_input(fold)
        held_out = self.cross_validation.held_out(fold)
        if self.entry.cost is Cost.HEAD:
            head = head_tensors(method_input.network)
            try:
                self._fit_and_answer(method_input, held_out, monitor)
            finally:
                restore_head(method_input.network, head)
        else:
            method_input = replace(method_input, network=copy.deepcopy(method_input.network))
            self._fit_and_answer(method_input, held_out, monitor)
        self.folds_done.add(fold)

    def _fit_and_answer(
        self, method_input: MethodInput, positions: np.ndarray, monitor: Monitor
    ) -> None:
        output = self._run(method_input, SubProgress(monitor, 0.0, 0.9))
        self._answer(output.network, positions, SubProgress(monitor, 0.9, 1.0))

    def _run(self, method_input: MethodInput, monitor: Monitor) -> MethodOutput:
        assert self.entry.method is not None, "the untouched model is not run"
        spec = method_named(self.entry.method)
        parameters: Any = spec.parameters.model_validate(self.entry.parameters)
        return run_of(spec)(
            replace(method_input.restricted_to(spec), parameters=parameters), monitor
        )

    def _answer(self, network: Network, positions: np.ndarray, monitor: Monitor) -> None:
        inputs = self.cross_validation.rows.take(positions).inputs
        try:
            network.to(best_device())
            logits = logits_frozen(
                network, inputs, self.cross_validation.method_input.vectors, monitor
            )
            if logits is None or self.logits is None:
                self.logits = None
                answers = predict(network, inputs, monitor=monitor)
            else:
                answers = network.objective.probabilities(logits).cpu().numpy()
                _fill_rows(self.logits, positions, logits.cpu().numpy())
        finally:
            network.cpu()
        require_finite(answers)
        _fill_rows(self.answers, positions, answers)


def _fill_rows(rows: np.ndarray, positions: np.ndarray, answers: np.ndarray) -> None:
    """Sentences of words are padded to the longest of those that were answered together."""
    if rows.ndim == 3:
        rows[positions, : answers.shape[1]] = answers
    else:
        rows[positions] = answers


def head_tensors(network: Network) -> list[torch.Tensor]:
    """A copy of what the head is made of."""
    return [parameter.detach().clone() for parameter in network.head_parameters()]


@torch.no_grad()
def restore_head(network: Network, head: list[torch.Tensor]) -> None:
    """Give the network a head that `head_tensors` copied."""
    for parameter, tensor in zip(network.head_parameters(), head, strict=True):
        parameter.copy_(tensor)


class HeadAverage:
    """A candidate whose head is the mean of those of `members`, all linear on one frozen body.

    Then its logits are the mean of theirs, so that its answers out of fold follow from theirs.
    Averaging models that were fitted from one start: Wortsman et al., 2022 (model soups).
    """

    def __init__(self, members: list[Trial]) -> None:
        names = [trial.entry.name for trial in members]
        self.entry = GridEntry(AVERAGE_NAME, None, Cost.HEAD, {"members": names})
        self.members = members
        self.cross_validation = members[0].cross_validation
        self.folds_done = members[0].folds_done
        self.seconds = 0.0
        self.stop_reason: str | None = None
        # Not of their probabilities, which no longer tell a very sure answer from a surer one.
        logits = [trial.logits for trial in members if trial.logits is not None]
        mean = np.mean(logits, axis=0)
        objective = self.cross_validation.objective
        self.answers: np.ndarray = objective.probabilities(torch.from_numpy(mean)).numpy()

    @property
    def complete(self) -> bool:
        """Whether every member has answered every row."""
        return all(trial.complete for trial in self.members)

    def fit(self, monitor: Monitor) -> MethodOutput:
        """Every member fitted on every row, and their mean in the source network itself."""
        network = self.cross_validation.method_input.network
        start, heads = head_tensors(network), []
        history: list[dict[str, Any]] = []
        report: dict[str, Any] = {}
        notes: list[str] = []
        for number, trial in enumerate(self.members):
            count = len(self.members)
            restore_head(network, start)
            output = trial.fit(SubProgress(monitor, number / count, (number + 1) / count))
            heads.append(head_tensors(output.network))
            history += [{"candidate": trial.entry.name, **line} for line in output.history]
            report[trial.entry.name] = output.report
            notes += output.notes
        means = [torch.stack(tensors).mean(dim=0) for tensors in zip(*heads, strict=True)]
        restore_head(network, means)
        stopped = "The heads of its members were averaged."
        return MethodOutput(network, history, stopped, report, notes=tuple(notes))


@dataclass(frozen=True)
class CrossValidation:
    """Training and validation rows together; `folds`: int64 (n,), the fold of each row."""

    rows: Examples
    folds: np.ndarray
    method_input: MethodInput

    @property
    def count(self) -> int:
        """How many folds there are."""
        return int(self.folds.max()) + 1

    @property
    def objective(self) -> Objective:
        """What the answers mean."""
        return self.method_input.network.objective

    @cached_property
    def clusters(self) -> np.ndarray:
        """int64 (n,): which rows are not independent (`app.learn.data.splits.clusters`)."""
        return clusters(self.rows)

    def held_out(self, fold: int) -> np.ndarray:
        """Positions of the fold's rows."""
        return np.flatnonzero(self.folds == fold)

    def train_input(self, fold: int) -> MethodInput:
        """The input of a method that does not see the fold, nor source rows that give it away."""
        held_out = self.rows.take(self.held_out(fold))
        source = self.method_input.source
        if source is not None:
            kept, _ = drop_leaks(source, held_out)
            source = kept if len(kept) else source
        rest = self.rows.take(np.flatnonzero(self.folds != fold))
        return replace(
            self.method_input, train=rest, validation=None, source=source, checkpoints=None
        )

    def all_rows(self) -> MethodInput:
        """The input of the chosen method's last fit: every row."""
        return replace(self.method_input, train=self.rows, validation=None, checkpoints=None)


def split_for_cross_validation(method_input: MethodInput) -> CrossValidation:
    """Put the labelled rows together and into folds, stratified and by whole groups."""
    rows = method_input.labelled_rows()
    if method_input.validation is not None and len(method_input.validation):
        groups = (*_groups(rows), *_groups(method_input.validation))
        rows = replace(concatenate_examples(rows, method_input.validation), groups=groups)
    return CrossValidation(rows, fold_numbers(rows, method_input.seed), method_input)


def _groups(examples: Examples) -> tuple[str, ...]:
    return examples.groups or ("",) * len(examples)
