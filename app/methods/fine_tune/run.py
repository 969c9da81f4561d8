"""The work of `fine-tune`."""

from __future__ import annotations

import numpy as np

from app.learn.batches import Stream
from app.learn.monitor import Monitor
from app.learn.training_options import Strategy
from app.methods.contract import MethodInput, MethodOutput
from app.methods.gradient_transfer import train_network


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Train the source model on the target rows by the strategy asked for."""
    if given.parameters.strategy in (Strategy.LOGISTIC, Strategy.LINEAR_PROBE):
        # With what it needs of scipy and scikit-learn, this takes a second to import.
        from app.methods.logistic_transfer import fit_fresh_head, fit_head

        anew = given.parameters.strategy is Strategy.LINEAR_PROBE
        return (fit_fresh_head if anew else fit_head)(given, monitor)
    train = given.labelled_rows()
    return train_network(given, train, (Stream(np.arange(len(train))),), monitor)
