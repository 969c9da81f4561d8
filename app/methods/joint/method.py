"""`joint`: trains on source and target rows mixed in every batch."""

from __future__ import annotations

import numpy as np

from app.learn.callbacks import Monitor
from app.learn.data.batch_sampler import Stream
from app.learn.data.examples import concatenate_examples
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodInput, MethodOutput
from app.methods.fine_tune.method import fit_logistic_head, train_network


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Train on batches that have their share of target rows and of source rows.

    A temperature above 1 keeps a small target language from drowning (Arivazhagan et al., 2019),
    and the source rows keep the source language from being forgotten (rehearsal).
    """
    if method_input.source is None:
        raise ValueError("joint needs source rows; its specification requires the role")
    if method_input.parameters.strategy is Strategy.LOGISTIC:
        return fit_logistic_head(method_input, monitor)
    train = method_input.labelled_rows()
    target = len(train)
    share = method_input.parameters.share_of_target(target, len(method_input.source))
    joined = concatenate_examples(train, method_input.source)
    positions = np.arange(len(joined))
    streams = Stream(positions[:target], share), Stream(positions[target:], 1.0 - share)
    return train_network(method_input, joined, streams, monitor)
