"""Transfers that several processes train together: who leads, and what the others do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.domain.errors import BabelportError
from app.domain.transfers import Transfer, TransferSpec
from app.learn.checkpoints import NoCheckpoints
from app.learn.monitor import Monitor, Silence
from app.methods.catalog import method_named
from app.services.context import Context
from app.services.running.material import open_material
from app.services.running.partition import hold_out
from app.services.running.repeats import run_repeats

if TYPE_CHECKING:
    from app.learn.replicas import Replicas

_log = logging.getLogger(__name__)


@contextmanager
def shared_training(spec: TransferSpec, monitor: Monitor) -> Iterator[Monitor]:
    """Within the block, which gets `monitor`, all processes share training; an event tells it."""
    from app.learn.replicas import training_among

    replicas = _replicas_for(spec)
    if replicas.size > 1:
        monitor.event("shared", processes=replicas.size)
    with training_among(replicas):
        yield monitor


def leads() -> bool:
    """Whether this process is the one that reports and records; the others only help it train."""
    from app.learn.process_group import replicas_of_this_process

    return replicas_of_this_process().rank == 0


def help_to_train(context: Context, transfer: Transfer) -> None:
    """Go through the same training as the process that leads; nothing is written anywhere.

    An error of ours is the leader's to record, which meets the same one; any other passes, and
    ends the workers all together.
    """
    from app.learn.first_checkpoints import FirstCheckpoints

    spec = transfer.spec
    if _replicas_for(spec).size == 1:
        return
    try:
        material = open_material(context, transfer)
        held = hold_out(spec, material.examples, material.inputs, material.pairs)
        with shared_training(spec, Silence()) as silence:
            kept = FirstCheckpoints(NoCheckpoints())
            run_repeats(context, spec, material, held, silence, kept)
    except BabelportError as error:
        _log.warning("left to the first process: %s", error)


def _replicas_for(spec: TransferSpec) -> Replicas:
    """Among whom the training of a transfer is shared; nobody where its method does not share."""
    from app.learn.process_group import replicas_of_this_process
    from app.learn.replicas import Alone

    return replicas_of_this_process() if method_named(spec.method).data_parallel else Alone()
