"""Training the source model by a strategy: what the methods of labelled rows have in common."""

from __future__ import annotations

from app.learn.adaptation import adapt
from app.learn.batches import Stream
from app.learn.examples import Examples
from app.learn.monitor import Monitor
from app.learn.run_stage import AdaptationRows
from app.methods.contract import MethodInput, MethodOutput


def train_network(
    given: MethodInput, train: Examples, streams: tuple[Stream, ...], monitor: Monitor
) -> MethodOutput:
    """Adapt the source model to `train`, whose rows `streams` draw, by the method's parameters."""
    rows = AdaptationRows(
        train=train, streams=streams, validation=given.validation, vectors=given.vectors
    )
    history, stopped = adapt(
        given.network,
        rows,
        given.parameters.options(),
        given.seed,
        monitor,
        given.checkpoints,
    )
    return MethodOutput(network=given.network, history=history, stopped=stopped)
