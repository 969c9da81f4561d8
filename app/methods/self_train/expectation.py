"""How often `self-train` expects each label among the target inputs."""

from __future__ import annotations

import numpy as np

from app.learn.class_prior import between_own_and_even, expected_shares
from app.learn.label_shift import estimate_label_shift
from app.learn.softmax import softmax
from app.methods.contract import MethodInput
from app.methods.self_train.answers import Answers
from app.methods.self_train.pool import thinned

# Of these the labels may have been picked otherwise than the unlabelled inputs came.
LABELLED_ROWS = "labelled rows, as far as the network doubts its answers"


def expectation(
    given: MethodInput, answers: Answers, logits: np.ndarray
) -> tuple[np.ndarray | None, str]:
    """The shares, float (classes,), and where they are from; None where none shall be matched.

    `logits` (float (n, classes)) are the source model's for the unlabelled inputs. Labelled rows
    are believed half, and half the label shift that shows between them and the unlabelled inputs;
    without any, the model is believed about inputs of its own language; without those its
    predictions are believed half.
    """
    if not given.parameters.match_shares:
        return None, "not matched"
    target = [rows.targets for rows in (given.train, given.validation) if rows is not None]
    counted = expected_shares(
        np.concatenate(target) if target else None,
        given.source.targets if given.source is not None else None,
        len(given.network.labels),
    )
    if counted is not None and given.source is not None:
        source = thinned(given.source)
        theirs = answers.of_source(given.network, source.inputs)
        assert theirs is not None
        found = estimate_label_shift(theirs, source.targets, logits)
        shares = np.sqrt(counted * found.shares)
        return shares / shares.sum(), "labelled rows, moved halfway towards the label shift"
    if counted is not None:
        return counted, LABELLED_ROWS
    of_source = answers.of_source(given.network, given.source_unlabelled)
    if of_source is not None:
        return softmax(of_source).mean(axis=0), "predictions for unlabelled source inputs"
    return between_own_and_even(logits), "own predictions, moved halfway towards even shares"
