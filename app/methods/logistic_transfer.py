"""What the strategy `logistic` does in every method that has it."""

from __future__ import annotations

from app.domain.errors.methods import HeadNotRegression
from app.learn.devices import best_device
from app.learn.logistic.adapt_head import HeadNotLinear, HeadRows, adapt_head
from app.learn.logistic.linear_head import read_linear_head, write_linear_head
from app.learn.logistic.linear_probe import probe
from app.learn.monitor import Monitor
from app.methods.contract import MethodInput, MethodOutput


def fit_head(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Fit the head on the labelled rows, and on source rows and unlabelled inputs where given.

    Validation rows have no part in it: the strength of the prior is found by cross-validation.
    Raises `HeadNotRegression`.
    """
    rows = HeadRows(
        target=given.labelled_rows(),
        source=given.source,
        texts=given.unlabelled,
        source_texts=given.source_unlabelled,
        vectors=given.vectors,
    )
    try:
        history, stopped, account = adapt_head(given.network, rows, given.seed, monitor)
    except HeadNotLinear:
        raise HeadNotRegression from None
    notes = given.parameters.without_effect()
    return MethodOutput(given.network, history, stopped, account, notes=notes)


def fit_fresh_head(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Replace the head by a linear probe of the labelled rows (`app.learn.logistic.linear_probe`).

    Validation rows have no part in it. Raises `HeadNotRegression`.
    """
    network = given.network
    try:
        network.to(best_device()).eval()
        found = probe(network, given.labelled_rows(), given.vectors, given.seed, monitor)
        if found is None or read_linear_head(network, len(found[0].weight)) is None:
            raise HeadNotRegression
        write_linear_head(network, found[0])
    finally:
        network.requires_grad_(True).cpu().eval()
    history = [{"stage": "target", "step": i + 1, **tried} for i, tried in enumerate(found[1])]
    notes = given.parameters.without_effect()
    return MethodOutput(network, history, "The fit converged.", notes=notes)
