"""The work of `joint`."""

from __future__ import annotations

import numpy as np

from app.learn.batches import Stream
from app.learn.joining import join
from app.learn.monitor import Monitor
from app.learn.training_options import Strategy
from app.methods.contract import MethodInput, MethodOutput
from app.methods.gradient_transfer import train_network


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Train on batches that have their share of target rows and of source rows.

    A temperature above 1 keeps a small target language from drowning (Arivazhagan et al., 2019),
    and the source rows keep the source language from being forgotten (rehearsal).
    """
    if given.source is None:
        raise ValueError("joint needs source rows; its specification requires the role")
    if given.parameters.strategy is Strategy.LOGISTIC:
        # With what it needs of scipy and scikit-learn, this takes a second to import.
        from app.methods.logistic_transfer import fit_head

        return fit_head(given, monitor)
    train = given.labelled_rows()
    target = len(train)
    share = given.parameters.share_of_target(target, len(given.source))
    joined = join(train, given.source)
    positions = np.arange(len(joined))
    streams = Stream(positions[:target], share), Stream(positions[target:], 1.0 - share)
    return train_network(given, joined, streams, monitor)
