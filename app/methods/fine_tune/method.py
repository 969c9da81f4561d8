"""`fine-tune`: trains the source model by a strategy, by gradient descent or regression."""

from __future__ import annotations

import numpy as np

from app.domain.errors.methods import HeadNotRegression
from app.learn.callbacks import Monitor
from app.learn.data.batch_sampler import Stream
from app.learn.data.examples import Examples
from app.learn.devices import best_device
from app.learn.training.recipe import Strategy
from app.learn.training.rows import TrainingRows
from app.learn.training.trainer import adapt
from app.methods.contract import MethodInput, MethodOutput


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Train the source model on the target rows by the strategy asked for."""
    if method_input.parameters.strategy in (Strategy.LOGISTIC, Strategy.LINEAR_PROBE):
        from_scratch = method_input.parameters.strategy is Strategy.LINEAR_PROBE
        return (fit_linear_probe if from_scratch else fit_logistic_head)(method_input, monitor)
    train = method_input.labelled_rows()
    return train_network(method_input, train, (Stream(np.arange(len(train))),), monitor)


def train_network(
    method_input: MethodInput, train: Examples, streams: tuple[Stream, ...], monitor: Monitor
) -> MethodOutput:
    """Adapt the source model to `train`, whose rows `streams` draw, by the method's parameters."""
    rows = TrainingRows(
        train=train,
        streams=streams,
        validation=method_input.validation,
        vectors=method_input.vectors,
    )
    history, stopped = adapt(
        method_input.network,
        rows,
        method_input.parameters.options(),
        method_input.seed,
        monitor,
        method_input.checkpoints,
    )
    return MethodOutput(network=method_input.network, history=history, stopped=stopped)


def fit_logistic_head(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Fit the head on the labelled rows, and on source rows and unlabelled inputs where given.

    Validation rows have no part in it: the strength of the prior is found by cross-validation.
    Raises `HeadNotRegression`.
    """
    # With what it needs of scipy and scikit-learn, this takes a second to import.
    from app.learn.heads.adapt_head import HeadNotLinear, HeadRows, adapt_head

    rows = HeadRows(
        target=method_input.labelled_rows(),
        source=method_input.source,
        texts=method_input.unlabelled,
        source_texts=method_input.source_unlabelled,
        vectors=method_input.vectors,
    )
    try:
        history, stopped, report = adapt_head(
            method_input.network, rows, method_input.seed, monitor
        )
    except HeadNotLinear:
        raise HeadNotRegression from None
    notes = method_input.parameters.without_effect()
    return MethodOutput(method_input.network, history, stopped, report, notes=notes)


def fit_linear_probe(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Replace the head by a linear probe of the labelled rows (`app.learn.heads.linear_probe`).

    Validation rows have no part in it. Raises `HeadNotRegression`.
    """
    from app.learn.heads.linear_probe import probe
    from app.learn.heads.logistic import read_linear_head, write_linear_head

    network = method_input.network
    try:
        network.to(best_device()).eval()
        fitted = probe(
            network, method_input.labelled_rows(), method_input.vectors, method_input.seed, monitor
        )
        if fitted is None or read_linear_head(network, len(fitted[0].weight)) is None:
            raise HeadNotRegression
        write_linear_head(network, fitted[0])
    finally:
        network.requires_grad_(True).cpu().eval()
    history = [{"stage": "target", "step": i + 1, **tried} for i, tried in enumerate(fitted[1])]
    notes = method_input.parameters.without_effect()
    return MethodOutput(network, history, "The fit converged.", notes=notes)
