"""The repeats of a transfer: the method run on other samples and seeds, the best one kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.domain.enums import Role
from app.domain.transfers import TransferSpec
from app.learn.checkpoints import Checkpoints
from app.learn.monitor import Monitor
from app.learn.objectives.contract import Objective
from app.learn.portion import Portion
from app.methods.catalog import method_named, run_of
from app.methods.contract import MethodOutput, OutOfFold
from app.services.context import Context
from app.services.running.answers import answers
from app.services.running.material import Material
from app.services.running.method_input import method_input
from app.services.running.partition import HeldOut, Partition, draw_partition

if TYPE_CHECKING:
    from app.learn.examples import Examples
    from app.learn.network import Network


@dataclass(frozen=True)
class Repeat:
    """One run of the method.

    `validation` is (headline, -log loss) on validation rows, or out of fold where the method
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
    material: Material,
    held: HeldOut,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> tuple[Repeat, list[dict[str, Any]]]:
    """Run the method `spec.repeats` times; the repeat best on validation, and an account of each.

    Without validation rows the first is kept: test rows must not choose. Networks of the other
    repeats are let go, so that memory holds two at most. Each account has number, seed, seconds,
    stopped, the objective's headline on validation (`validation_accuracy`, say) and, with several
    repeats, on test (`accuracy`). What an earlier attempt left in `checkpoints` is
    taken up.
    """
    best: Repeat | None = None
    accounts: list[dict[str, Any]] = []
    for number in range(spec.repeats):
        part = Portion(monitor, number / spec.repeats, (number + 1) / spec.repeats, repeat=number)
        repeat = _run_once(context, spec, material, held, number, part, checkpoints)
        accounts.append(_account(repeat, held.test, material.objective))
        monitor.event("repeat", **accounts[-1])
        if best is None or _better(repeat, best):
            best = repeat
    assert best is not None, "a transfer has at least one repeat"
    return best, accounts


def _run_once(
    context: Context,
    spec: TransferSpec,
    material: Material,
    held: HeldOut,
    number: int,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> Repeat:
    began = time.monotonic()
    method = method_named(spec.method)
    partition = draw_partition(spec, held, material.examples.get(Role.VALIDATION), number)
    given = method_input(context, spec, material, held, partition, number, checkpoints)
    scored = partition.validation is not None or (held.test is not None and spec.repeats > 1)
    trained = 0.9 if scored else 1.0
    output = run_of(method)(given, Portion(monitor, 0.0, trained))
    rest = Portion(monitor, trained, 1.0)
    return Repeat(
        number=number,
        seed=given.seed,
        partition=partition,
        output=output,
        validation=_validation_score(context, output, partition.validation, rest),
        test=_test_answers(context, spec, output, held, rest),
        seconds=time.monotonic() - began,
    )


def _test_answers(
    context: Context, spec: TransferSpec, output: MethodOutput, held: HeldOut, monitor: Monitor
) -> np.ndarray | None:
    if held.test is None or spec.repeats == 1:
        return None
    return answers(output.network, held.test, context.vectors, monitor)


def _validation_score(
    context: Context, output: MethodOutput, validation: Examples | None, monitor: Monitor
) -> tuple[float, float] | None:
    """On rows that the network was not fitted on; None where there are none."""
    judged = unseen_answers(context, output.network, output, validation, monitor)
    if judged is None:
        return None
    objective, targets = output.network.objective, judged.rows.targets
    losses = objective.log_losses(judged.answers, targets)
    return objective.headline(judged.answers, targets).value, -float(losses.mean())


def unseen_answers(
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
    return OutOfFold(validation, answers(network, validation, context.vectors, monitor))


def _better(repeat: Repeat, best: Repeat) -> bool:
    if repeat.validation is None or best.validation is None:
        return False
    return repeat.validation > best.validation


def _account(repeat: Repeat, test: Examples | None, objective: Objective) -> dict[str, Any]:
    account: dict[str, Any] = {
        "number": repeat.number,
        "seed": repeat.seed,
        "seconds": round(repeat.seconds, 2),
        "stopped": repeat.output.stopped,
        f"validation_{objective.metric}": repeat.validation[0] if repeat.validation else None,
    }
    if repeat.test is not None and test is not None:
        account[objective.metric] = objective.headline(repeat.test, test.targets).value
    return account
