"""The work of `self-train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.learn.devices import best_device
from app.learn.monitor import Monitor
from app.learn.training_options import Strategy
from app.methods.contract import MethodInput, MethodOutput
from app.methods.self_train.rounds import Rounds

if TYPE_CHECKING:
    from app.methods.self_train.regression import RegressionRounds


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Rounds of labelling and training, each by a student that starts from the source model.

    Round 0 trains on the labelled target rows, where there are any, and on the source rows. In
    each further round the network labels the unlabelled inputs (Lee, 2013), keeps the surest of
    each class (class-balanced thresholds: Zou et al., 2018) by a confidence that validation rows
    calibrate, and is trained from its start on those as well. After each round its biases are
    shifted so that labels are predicted as often as expected. With validation rows rounds end when
    they bring nothing better, and the best is the result: the start itself where all others are
    worse. Without them rounds end when the labels hardly change any more.
    """
    given.network.to(best_device()).eval()
    try:
        rounds, notes = _rounds(given, monitor)
        rounds.run()
    finally:
        given.network.requires_grad_(True).cpu().eval()
    monitor.progress("self-training", 1.0)
    return MethodOutput(
        network=given.network,
        history=rounds.account.history,
        stopped=rounds.account.stopped,
        report=rounds.account.report,
        notes=notes,
    )


def _rounds(
    given: MethodInput, monitor: Monitor
) -> tuple[Rounds | RegressionRounds, tuple[str, ...]]:
    """Regressions where strategy, rows and head allow them; a note where the latter do not."""
    if given.parameters.strategy is not Strategy.LOGISTIC:
        return Rounds(given, monitor), ()
    if given.source is None:
        reason = "there were no `source` rows"
    else:
        # With what it needs of scipy and scikit-learn, this takes a second to import.
        from app.methods.self_train.regression import HeadNotFitted, RegressionRounds

        try:
            return RegressionRounds(given, monitor), given.parameters.without_effect()
        except HeadNotFitted:
            reason = "the model's head is not one linear layer on vectors that can be kept"
    note = f"The strategy was `head` and not `logistic`, because {reason}."
    return Rounds(given, monitor), (note,)
