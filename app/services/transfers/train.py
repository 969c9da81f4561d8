"""The method, run once for each repeat with its own sample and seed, in one process or several."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.domain.enums import Role
from app.domain.errors import BabelportError
from app.domain.transfers import Transfer, TransferSpec
from app.learn.callbacks import (
    Checkpoints,
    Monitor,
    NoCheckpoints,
    NullMonitor,
    PrefixedCheckpoints,
    SubProgress,
)
from app.learn.tasks.contract import Objective
from app.methods.contract import MethodInput, MethodOutput, OutOfFold, method_named, run_of
from app.services.context import Context
from app.services.transfers.inputs import (
    TransferInputs,
    load_auxiliary_model,
    load_network,
    load_transfer_inputs,
)
from app.services.transfers.partition import HeldOut, Partition, draw_partition, hold_out
from app.services.transfers.score import predict_examples

if TYPE_CHECKING:
    from app.learn.data.examples import Examples
    from app.learn.network import Network
    from app.learn.training.distributed import Replicas


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Repeat:
    """One run of the method.

    `validation` is (primary metric, -log loss) on validation rows, or out of fold where the method
    trained on those, None without either; `test` the probabilities of the test rows, or None
    where nobody will compare.
    """

    number: int
    seed: int
    partition: Partition
    output: MethodOutput
    validation: tuple[float, float] | None
    test: np.ndarray | None
    seconds: float


def run_repeats(
    context: Context,
    spec: TransferSpec,
    inputs: TransferInputs,
    held_out: HeldOut,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> tuple[Repeat, list[dict[str, Any]]]:
    """Run the method `spec.repeats` times; the repeat best on validation, and an account of each.

    Without validation rows the first is kept: test rows must not choose. Networks of the other
    repeats are let go, so that memory holds two at most. Each account has number, seed, seconds,
    stopped, the objective's primary metric on validation (`validation_accuracy`, say) and, with
    several repeats, on test (`accuracy`). What an earlier attempt left in `checkpoints` is taken
    up.
    """
    best: Repeat | None = None
    accounts: list[dict[str, Any]] = []
    for number in range(spec.repeats):
        part = SubProgress(
            monitor, number / spec.repeats, (number + 1) / spec.repeats, repeat=number
        )
        repeat = _run_once(context, spec, inputs, held_out, number, part, checkpoints)
        accounts.append(_repeat_report(repeat, held_out.test, inputs.objective))
        monitor.event("repeat", **accounts[-1])
        if best is None or _is_better(repeat, best):
            best = repeat
    assert best is not None, "a transfer has at least one repeat"
    return best, accounts


def _run_once(
    context: Context,
    spec: TransferSpec,
    inputs: TransferInputs,
    held_out: HeldOut,
    number: int,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> Repeat:
    began = time.monotonic()
    method = method_named(spec.method)
    partition = draw_partition(spec, held_out, inputs.examples.get(Role.VALIDATION), number)
    method_input = build_method_input(
        context, spec, inputs, held_out, partition, number, checkpoints
    )
    scored = partition.validation is not None or (held_out.test is not None and spec.repeats > 1)
    trained = 0.9 if scored else 1.0
    output = run_of(method)(method_input, SubProgress(monitor, 0.0, trained))
    rest = SubProgress(monitor, trained, 1.0)
    return Repeat(
        number=number,
        seed=method_input.seed,
        partition=partition,
        output=output,
        validation=_validation_score(context, output, partition.validation, rest),
        test=_test_answers(context, spec, output, held_out, rest),
        seconds=time.monotonic() - began,
    )


def _test_answers(
    context: Context, spec: TransferSpec, output: MethodOutput, held_out: HeldOut, monitor: Monitor
) -> np.ndarray | None:
    if held_out.test is None or spec.repeats == 1:
        return None
    return predict_examples(output.network, held_out.test, context.vectors, monitor)


def _validation_score(
    context: Context, output: MethodOutput, validation: Examples | None, monitor: Monitor
) -> tuple[float, float] | None:
    """On rows that the network was not fitted on; None where there are none."""
    judged = held_out_answers(context, output.network, output, validation, monitor)
    if judged is None:
        return None
    objective, targets = output.network.objective, judged.rows.targets
    losses = objective.log_losses(judged.answers, targets)
    return objective.primary_metric(judged.answers, targets).value, -float(losses.mean())


def held_out_answers(
    context: Context,
    network: Network,
    output: MethodOutput,
    validation: Examples | None,
    monitor: Monitor,
) -> OutOfFold | None:
    """Answers to labelled target rows that may judge the method's work: none was trained on.

    They are the method's own out-of-fold answers, or those of `network`, which it made, to the
    validation rows; None where validation rows are missing, or were trained on.
    """
    if not network.labels or output.out_of_fold is not None:
        return output.out_of_fold
    if validation is None or output.fitted_on_validation:
        return None
    return OutOfFold(validation, predict_examples(network, validation, context.vectors, monitor))


def _is_better(repeat: Repeat, best: Repeat) -> bool:
    if repeat.validation is None or best.validation is None:
        return False
    return repeat.validation > best.validation


def _repeat_report(repeat: Repeat, test: Examples | None, objective: Objective) -> dict[str, Any]:
    account: dict[str, Any] = {
        "number": repeat.number,
        "seed": repeat.seed,
        "seconds": round(repeat.seconds, 2),
        "stopped": repeat.output.stopped,
        f"validation_{objective.metric}": repeat.validation[0] if repeat.validation else None,
    }
    if repeat.test is not None and test is not None:
        account[objective.metric] = objective.primary_metric(repeat.test, test.targets).value
    return account


def build_method_input(
    context: Context,
    spec: TransferSpec,
    inputs: TransferInputs,
    held_out: HeldOut,
    partition: Partition,
    number: int,
    checkpoints: Checkpoints,
) -> MethodInput:
    """Fresh networks, the rows of `partition`, and what else the user gave; no test rows."""
    method = method_named(spec.method)
    return MethodInput(
        network=load_network(context, inputs, spec.seed + number),
        parameters=method.parameters.model_validate(spec.parameters),
        train=partition.train,
        validation=partition.validation,
        source=partition.source,
        unlabelled=held_out.unlabelled.get(Role.UNLABELLED),
        source_unlabelled=held_out.unlabelled.get(Role.SOURCE_UNLABELLED),
        parallel=held_out.pairs.get(Role.PARALLEL),
        dictionary=held_out.pairs.get(Role.DICTIONARY),
        auxiliary_model=load_auxiliary_model(context, spec.auxiliary_model),
        source_language=inputs.model.languages[0],
        target_language=spec.language,
        vectors=context.vectors,
        checkpoints=PrefixedCheckpoints(checkpoints, f"repeat-{number}"),
        seed=spec.seed + number,
    )


@contextmanager
def data_parallel_training(spec: TransferSpec, monitor: Monitor) -> Iterator[Monitor]:
    """Within the block, which gets `monitor`, all processes share training; an event tells it."""
    from app.learn.training.distributed import use_replicas

    replicas = _replicas_for(spec)
    if replicas.size > 1:
        monitor.event("shared", processes=replicas.size)
    with use_replicas(replicas):
        yield monitor


def train_as_replica(context: Context, transfer: Transfer) -> None:
    """Go through the same training as the process that leads; nothing is written anywhere.

    A `BabelportError` is the leader's to record, which meets the same one; any other passes, and
    ends all workers.
    """
    from app.learn.training.distributed import RankZeroCheckpoints

    spec = transfer.spec
    if _replicas_for(spec).size == 1:
        return
    try:
        inputs = load_transfer_inputs(context, transfer)
        held_out = hold_out(spec, inputs.examples, inputs.unlabelled, inputs.pairs)
        with data_parallel_training(spec, NullMonitor()) as monitor:
            kept = RankZeroCheckpoints(NoCheckpoints())
            run_repeats(context, spec, inputs, held_out, monitor, kept)
    except BabelportError as error:
        _log.warning("not reported here, the first process reports it: %s", error)


def _replicas_for(spec: TransferSpec) -> Replicas:
    """The processes that share the training; one alone where the method is not data parallel."""
    from app.learn.training.distributed import SingleProcess, process_group_replicas

    return process_group_replicas() if method_named(spec.method).data_parallel else SingleProcess()
