"""The work of `fine-tune`."""

from __future__ import annotations

import numpy as np

from app.learn.adaptation import adapt
from app.learn.batches import Stream
from app.learn.monitor import Monitor
from app.learn.run_stage import AdaptationRows
from app.learn.training_options import Strategy
from app.methods.contract import MethodInput, MethodOutput
from app.methods.logistic_transfer import fit_head


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Train the source model on the target rows by the strategy asked for."""
    if given.parameters.strategy is Strategy.LOGISTIC:
        return fit_head(given, monitor)
    train = given.labelled_rows()
    rows = AdaptationRows(
        train=train,
        streams=(Stream(np.arange(len(train))),),
        validation=given.validation,
        vectors=given.vectors,
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
