"""What the labels of the training rows lack, or say against the model; labels that are swapped."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from app.learn.advice.abstention import lower_bound, upper_bound

_SHOWN = 5
_CERTAIN = 0.999
_LIKELY = 0.99
_CHANCE = 0.001


def missing_labels(
    trained: np.ndarray,
    labels: tuple[str, ...],
    targets: np.ndarray | None = None,
    before: np.ndarray | None = None,
    after: np.ndarray | None = None,
) -> str | None:
    """A sentence on the labels without a labelled row, and what the transfer did to them.

    `trained` int (n,) are the targets of the labelled target rows; `targets` int (m,) those of the
    test rows, to which `before` and `after` float (m, classes) are the answers of the source model
    and of the transferred one. None where each label has a row.
    """
    missing = np.setdiff1d(np.arange(len(labels)), trained)
    if not len(missing):
        return None
    names = ", ".join(f"`{labels[i]}`" for i in missing[:_SHOWN])
    names += ", …" if len(missing) > _SHOWN else ""
    sentence = (
        f"{len(missing)} of the model's {len(labels)} labels have no labelled row of the target "
        f"language ({names})."
    )
    if targets is not None and after is not None and np.isin(targets, missing).any():
        sentence += f" {_recall_sentence(missing, targets, before, after)}"
    return f"{sentence} Send a few rows of each."


def contradicting_labels(
    trained: np.ndarray, on_trained: np.ndarray, targets: np.ndarray, on_test: np.ndarray
) -> str | None:
    """A warning where the source model agrees with the test labels and not with the training ones.

    `on_trained` float (n, classes) are its answers to training rows of the labels `trained`
    (int (n,)), `on_test` those to test rows of the labels `targets`. It is given where agreement is
    above chance for certain in the test rows and lower for certain in the training rows (exact
    bounds, 99.9% each), where it may be chance (99%). Shuffled labels do that, and so do labels
    that mean something else.
    """
    right, chance = _agreement(trained, on_trained)
    right_on_test, chance_on_test = _agreement(targets, on_test)
    least = lower_bound(right_on_test, len(targets), _CERTAIN)
    if least <= chance_on_test or least <= upper_bound(right, len(trained), _CERTAIN):
        return None
    if lower_bound(right, len(trained), _LIKELY) > chance:
        return None
    return (
        "The training labels contradict the model: the source model agrees with "
        f"{right / len(trained):.0%} of {len(trained)} training rows, no more than by chance, but "
        f"with {right_on_test / len(targets):.0%} of the test rows. Check that each training row "
        "has its own label, and that labels mean what the model's do (`label_mapping`)."
    )


def _agreement(targets: np.ndarray, answers: np.ndarray) -> tuple[int, float]:
    """How many answers have the row's label, and which share would have it by chance."""
    classes, guessed = answers.shape[1], answers.argmax(axis=1)
    shares = [np.bincount(x, minlength=classes) / len(x) for x in (targets, guessed)]
    return int((guessed == targets).sum()), float(shares[0] @ shares[1])


def _recall_sentence(
    missing: np.ndarray, targets: np.ndarray, before: np.ndarray | None, after: np.ndarray
) -> str:
    now = _recall(missing, targets, after)
    rows = int(np.isin(targets, missing).sum())
    if before is None:
        return f"On the {rows} test rows of these labels the mean recall is {now:.0%}."
    then = _recall(missing, targets, before)
    moved = f"{'fell' if now < then else 'rose'} from {then:.0%} to {now:.0%}"
    if now == then:
        moved = f"stayed at {now:.0%}"
    return f"On the {rows} test rows of these labels the mean recall {moved}."


def _recall(missing: np.ndarray, targets: np.ndarray, answers: np.ndarray) -> float:
    """The mean, over the missing labels that have a test row, of the share answered rightly."""
    right = answers.argmax(axis=1) == targets
    return float(np.mean([right[targets == i].mean() for i in missing if (targets == i).any()]))


def swapped_labels(
    probabilities: np.ndarray, targets: np.ndarray, labels: tuple[str, ...]
) -> str | None:
    """A sentence that points to `label_mapping`; None where nothing speaks for it.

    `probabilities` (float (n, classes)) are the source model's for rows of the labels `targets`
    (int (n,)). It speaks for swapped labels when fewer answers are right than answers drawn at
    random, as often as it gives them, would be (one-sided binomial test, 0.1%).
    """
    predicted, classes = probabilities.argmax(axis=1), len(labels)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (targets, predicted), 1)
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum()) / len(targets) ** 2
    right = int(np.trace(counts))
    if binom.cdf(right, len(targets), chance) >= _CHANCE:
        return None
    rows, columns = linear_sum_assignment(-counts)
    pairs = sorted(
        (
            (counts[r, c], labels[r], labels[c])
            for r, c in zip(rows, columns, strict=True)
            if r != c
        ),
        reverse=True,
    )
    mapping = ", ".join(
        f'"{source_label}": "{target_label}"'
        for count, source_label, target_label in pairs[:_SHOWN]
        if count
    )
    return (
        f"The source model answers {right / len(targets):.1%} of the test rows rightly, which is "
        f"far below chance ({chance:.1%}): its labels seem to stand for others. If so, say it with "
        f"label_mapping, such as {{{mapping}}}."
    )
