"""A transfer from its first row to its record; runs in a process of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.archive import pack
from app.domain.models import ModelFacts, ModelHints
from app.domain.transfers import Transfer, TransferSpec
from app.formats.catalog import format_named
from app.learn.callbacks import Monitor, SubProgress
from app.learn.training.checkpointing import CheckpointFolder
from app.learn.training.distributed import RankZeroCheckpoints, micro_batches
from app.methods.contract import MethodOutput
from app.services.context import Context, open_context
from app.services.jobs import (
    carry_out,
    is_main_process,
    open_checkpoint_folder,
    stop_on_sigterm,
)
from app.services.transfers.advice.advise import advice_seconds, advise
from app.services.transfers.advice.finished_transfer import FinishedTransfer
from app.services.transfers.inputs import TransferInputs, load_network, load_transfer_inputs
from app.services.transfers.partition import HeldOut, hold_out, split_record
from app.services.transfers.progress import DatabaseReporter, ExpectedSeconds, Phases
from app.services.transfers.record import TransferOutcome, build_result, record_outcome
from app.services.transfers.request import find_transfer
from app.services.transfers.score import (
    ComparedAnswers,
    baseline_answers,
    linear_probe_answers,
    source_model_answers,
    transferred_answers,
)
from app.services.transfers.train import (
    data_parallel_training,
    run_repeats,
    train_as_replica,
)
from app.settings import settings
from app.store.database import retry_on_disconnect

if TYPE_CHECKING:
    from app.learn.network import Network


_log = logging.getLogger(__name__)
# Of the seconds that advice may take, the part that it needs as a rule.
_EXPECTED_ADVICE_SHARE = 0.3


def run_transfer(job_id: str, attempt: int) -> None:
    """Carry out one attempt of a transfer and record how it ended.

    Success is one transaction: the model, its evaluations and the transfer's end. A failure is
    recorded with its code and advice.
    """
    context = open_context(settings())
    retry_seconds = context.settings.database_patience_seconds
    transfer = retry_on_disconnect(
        context.readers, lambda s: find_transfer(s, job_id), retry_seconds
    )
    if transfer.attempt != attempt:
        _log.info("attempt %s of %s was superseded by a later one", attempt, job_id)
        return
    # Each attempt that ran out of memory halves what the next one computes at once.
    with micro_batches(2**transfer.memory_failures):
        if not is_main_process():
            train_as_replica(context, transfer)
            return
        most = context.settings.max_attempts
        carry_out(context, job_id, attempt, most, lambda: _transfer(context, transfer))


def _transfer(context: Context, transfer: Transfer) -> None:
    with stop_on_sigterm() as stopping, context.artifacts.workspace() as workspace:
        reporter = DatabaseReporter(context, transfer, stopping)
        material, held, outcome = compute_outcome(
            context, transfer, reporter, workspace, stopping.is_set
        )
        record_outcome(context, transfer, material, held, outcome)


def compute_outcome(
    context: Context,
    transfer: Transfer,
    monitor: Monitor,
    workspace: Path,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[TransferInputs, HeldOut, TransferOutcome]:
    """Do everything but record it; files go into `workspace`. Lets `Cancelled` pass.

    Training saves its state at once where `stopping` says so. Raises a `BabelportError`.
    """
    spec, began = transfer.spec, time.monotonic()
    phases = Phases(monitor, _costs(context))
    material, held = _load_inputs(transfer, context, phases.begin("reading", even=False))
    before = _source_answers(context, spec, material, held, phases)
    with data_parallel_training(spec, phases.begin("training")) as part:
        kept = RankZeroCheckpoints(
            open_checkpoints(context, transfer.id, transfer.attempt, stopping)
        )
        best, accounts = run_repeats(context, spec, material, held, part, kept)
    phases.begin("writing", even=False).progress("writing the model", 0.0)
    file, served, facts = write_model(best.output, material.facts, workspace)
    compared = transferred_answers(served, held, before, context.vectors, phases.begin("scoring"))
    comparing = phases.begin("baselines", even=False)
    comparing.progress("comparing with the baselines", 0.0)
    compared.on_test.update(
        baseline_answers(best.partition, held.test, material.objective, spec.seed)
    )
    probed = linear_probe_answers(
        lambda: served if best.output.rebuilt else load_network(context, material, spec.seed),
        *(best.partition, held.test, context.vectors, best.seed, SubProgress(comparing, 0.3, 1.0)),
    )
    compared.on_test.update(probed)
    result = build_result(transfer, material, held, compared, best, accounts)
    finished = FinishedTransfer(
        context=context,
        spec=spec,
        inputs=material,
        held_out=held,
        best=best,
        compared=compared,
        served=served,
        folder=workspace / "model",
        monitor=phases.begin("advice", even=False),
        seconds=advice_seconds(context.settings.advice_seconds, time.monotonic() - began),
    )
    result["advice"] = advise(finished)
    phases.begin("recording", even=False).progress("recording", 0.0)
    record = split_record(transfer, held, best.partition)
    return material, held, TransferOutcome(file, facts, compared, record, result)


def _costs(context: Context) -> dict[str, ExpectedSeconds]:
    """What each phase is expected to take until more is known.

    Nothing tells how long the training will take before it shows its pace: far longer than all
    that came before, so that the bar does not run ahead.
    """
    most = context.settings.advice_seconds
    return {
        "reading": lambda passed: 1.0,
        "untouched": lambda passed: 3.0,
        "training": lambda passed: max(30.0, 20.0 * passed),
        "writing": lambda passed: 0.5,
        "scoring": lambda passed: 3.0,
        "baselines": lambda passed: 3.0 + 0.15 * passed,
        "advice": lambda passed: _EXPECTED_ADVICE_SHARE * advice_seconds(most, passed),
        "recording": lambda passed: 0.5,
    }


def _load_inputs(
    transfer: Transfer, context: Context, monitor: Monitor
) -> tuple[TransferInputs, HeldOut]:
    monitor.progress("reading the data", 0.0)
    material = load_transfer_inputs(context, transfer)
    return material, hold_out(transfer.spec, material.examples, material.unlabelled, material.pairs)


def _source_answers(
    context: Context, spec: TransferSpec, material: TransferInputs, held: HeldOut, phases: Phases
) -> ComparedAnswers:
    monitor, began = phases.begin("untouched", even=False), phases.seconds
    monitor.progress("reading the model", 0.0)
    network = load_network(context, material, spec.seed)
    loaded = phases.seconds
    answered = source_model_answers(
        network, material, held, context.vectors, SubProgress(monitor, 0.3, 1.0)
    )
    if answered.all():
        took, loading = phases.seconds - loaded, loaded - began
        phases.expect("writing", lambda passed: loading)
        phases.expect("scoring", lambda passed: took)
    return answered


def write_model(
    output: MethodOutput, facts: ModelFacts, workspace: Path
) -> tuple[Path, Network, ModelFacts]:
    """Write the model's file into `workspace`; gives it, and the network as read back from it.

    What is evaluated is what will be served: a file in half precision does not answer exactly
    as the network that was trained. The facts of a network of another shape than the source's
    are read from the file as well.
    """
    folder, file = workspace / "model", workspace / "model.artifact"
    folder.mkdir()
    written = format_named(facts.format)
    written.save(output.network, facts, folder)
    if output.rebuilt:
        facts = written.inspect(folder, ModelHints(labels=output.network.labels))
    pack(folder, file)
    return file, written.load(folder, facts), facts


def open_checkpoints(
    context: Context, transfer_id: str, attempt: int, stopping: Callable[[], bool]
) -> CheckpointFolder:
    """What earlier attempts kept, on whichever machine; saved at once where `stopping` says so.

    What is saved goes into the folder of `attempt`, the fencing token of who holds the transfer.
    """
    folder, saved = open_checkpoint_folder(context, transfer_id, attempt)
    return CheckpointFolder(folder, context.settings.checkpoint_seconds, stopping, saved)
