"""What the strategy `logistic` does in every method that has it."""

from __future__ import annotations

from app.domain.errors.methods import HeadNotRegression
from app.learn.logistic.adapt_head import HeadNotLinear, HeadRows, adapt_head
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
    return MethodOutput(given.network, history, stopped, account)
