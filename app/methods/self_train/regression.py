"""`self-train` by the strategy `logistic`: each round fits the head as a regression."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from app.learn.class_prior import shift_to_shares
from app.learn.encoding import encode
from app.learn.examples import Examples, Inputs
from app.learn.label_shift import LabelShift, estimate_label_shift, smoothed_shares
from app.learn.logistic.linear_head import LinearHead, read_linear_head, write_linear_head
from app.learn.logistic.points import Points, points
from app.learn.logistic.regression import Prior, fit, losses
from app.learn.logistic.source_head import SourceHead, fit_source
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.pseudo_labels import PseudoLabels, surest_of_each_class
from app.learn.softmax import log_softmax, softmax
from app.learn.splits import fold_numbers
from app.methods.contract import MethodInput
from app.methods.self_train.account import Account
from app.methods.self_train.candidates import Candidates
from app.methods.self_train.pool import thinned
from app.methods.self_train.standing import Standing

_BIASES = 0.01
_ROUGHLY = 1e-6
# Half of what the unlabelled inputs say of the shares is believed of inputs to come, in logarithms.
_BELIEVED = 0.5
# How far labelled rows may move a bias: the standard deviation of a normal prior, in nats.
_BIAS_DEVIATION = 0.3


class HeadNotFitted(Exception):
    """The head is no linear map, or features cannot be kept."""


class RegressionRounds:
    """Runs the rounds on vectors; the network of `given` holds the result afterwards.

    `account` tells how they went. Needs source rows. Raises `HeadNotFitted` before the network is
    changed.
    """

    def __init__(self, given: MethodInput, monitor: Monitor) -> None:
        assert given.source is not None
        assert given.unlabelled is not None
        self._given, self._chosen, self._monitor = given, given.parameters, monitor
        source = thinned(given.source)
        raw = self._features(source.inputs, 0.0, 0.3)
        start = read_linear_head(given.network, raw.shape[1])
        if start is None:
            raise HeadNotFitted
        self._start, self._classes = start, len(start.bias)
        self._centre = raw.mean(axis=0)
        self._scale = max(float(np.sqrt(((raw - self._centre) ** 2).mean())), 1e-8)
        self._source = points(raw, source).moved(self._centre, self._scale)
        self._unlabelled = self._moved(self._features(given.unlabelled, 0.3, 0.6))
        self._labelled = self._points(given.train, 0.6, 0.65)
        self._validation = self._points(given.validation, 0.65, 0.7)
        part = Portion(monitor, 0.7, 0.8)
        self._first: SourceHead = fit_source(
            self._source,
            self._classes,
            fold_numbers(source, given.seed),
            lambda x: part.progress("fitting the source's head", x),
            least_loss=True,
        )

    def run(self) -> None:
        """All rounds; the best head is in place at the end."""
        given, last = self._given, self._chosen.rounds
        head, shift = self._first.head, self._label_shift()
        standing = self._standing(self._start.seen_from(self._centre, self._scale))
        candidates = Candidates(given.network, standing, head_only=True)
        self.account = Account(given.network.labels, standing, *self._told(shift))
        self.account.history += self._first.history
        posteriors = shift.posteriors
        for number in range(last + 1):
            sure = self._surest(number, posteriors) if number else None
            if sure is not None:
                head = self._fitted(head, sure, labelled=False)
            biases = self._matched(head, shift.shares)
            posteriors = softmax(self._logits(head) + biases)
            found = LinearHead(head.weight, head.bias + biases)
            if sure is not None and number == last:
                found = self._settled(head, sure, biases, shift.shares)
            write_linear_head(given.network, found.seen_from_zero(self._centre, self._scale))
            after = self._standing(found, biases)
            self._monitor.event("round", **self.account.add_round(number, sure, standing, after))
            candidates.add(number, after)
            standing = after
            self._monitor.progress("self-training", 0.8 + 0.2 * (number + 1) / (last + 1))
        candidates.restore_best()
        self.account.end(candidates.best, None, knows_labels=True)

    def _settled(
        self, head: LinearHead, sure: PseudoLabels, biases: np.ndarray, shares: np.ndarray
    ) -> LinearHead:
        """The last head: for inputs to come, and with what the labelled rows say.

        Inputs to come may have the unlabelled inputs' label shares or the source's: without
        labelled rows half is believed of each. Labelled rows say which, by a head that has not
        seen them, and are trained on last.
        """
        base = smoothed_shares(self._source.targets, self._classes)
        other = np.log(base) - np.log(shares)
        if self._labelled is None:
            believed = _BELIEVED * other if self._chosen.match_shares else 0.0
            return LinearHead(head.weight, head.bias + biases + believed)
        if self._chosen.match_shares:
            known = head.logits(self._labelled.vectors)
            biases = _decided_by_labels(known, self._labelled.targets, biases, other)
        wanted = softmax(self._logits(head) + biases).mean(axis=0)
        head = self._fitted(head, sure, labelled=True)
        return LinearHead(head.weight, head.bias + self._matched(head, wanted))

    def _label_shift(self) -> LabelShift:
        head, chosen = self._first.head, self._first.chosen
        logits, rows = self._logits(head), self._labelled
        if not self._chosen.match_shares:
            base = smoothed_shares(self._source.targets, self._classes)
            return LabelShift(base, softmax(logits))
        return estimate_label_shift(
            chosen.logits,
            chosen.points.targets,
            logits,
            None if rows is None else head.logits(rows.vectors),
            None if rows is None else rows.targets,
        )

    def _told(self, shift: LabelShift) -> tuple[np.ndarray | None, str, np.ndarray]:
        base = smoothed_shares(self._source.targets, self._classes)
        if not self._chosen.match_shares:
            return None, "not matched", base
        return shift.shares, "estimated on the unlabelled inputs", base

    def _matched(self, head: LinearHead, shares: np.ndarray) -> np.ndarray:
        if not self._chosen.match_shares:
            return np.zeros(self._classes)
        return shift_to_shares(self._logits(head), shares)

    def _surest(self, number: int, posteriors: np.ndarray) -> PseudoLabels:
        share = self._chosen.share_of_round(number)
        return surest_of_each_class(posteriors, share, self._chosen.least_confidence)

    def _fitted(self, head: LinearHead, sure: PseudoLabels, labelled: bool) -> LinearHead:
        """From the start each time: a student does not inherit what its teacher got wrong."""
        own = Points(self._unlabelled[sure.positions], sure.targets, sure.positions)
        parts = [(self._source, 1.0), (own, self._chosen.kept_weight)]
        if labelled and self._labelled is not None:
            parts.append((self._labelled, self._chosen.labelled_weight))
        rows = Points(
            *(
                np.concatenate([getattr(part, name) for part, _ in parts])
                for name in ("vectors", "targets", "rows")
            )
        )
        counts = np.concatenate([np.full(len(part), weight) for part, weight in parts])
        nothing = LinearHead(np.zeros_like(head.weight), np.zeros_like(head.bias))
        prior = Prior(nothing, self._first.chosen.weights, _BIASES)
        return fit(rows, prior, head, _ROUGHLY, counts)

    def _standing(self, head: LinearHead, shift: np.ndarray | None = None) -> Standing:
        logits, rows = self._logits(head), self._validation
        if rows is None:
            return Standing(logits, 1.0, None, None, shift)
        answers = head.logits(rows.vectors)
        own = log_softmax(answers)[np.arange(len(rows)), rows.targets]
        accuracy = float((answers.argmax(axis=1) == rows.targets).mean())
        return Standing(logits, 1.0, accuracy, float(-own.mean()), shift)

    def _logits(self, head: LinearHead) -> np.ndarray:
        return head.logits(self._unlabelled)

    def _points(self, rows: Examples | None, start: float, end: float) -> Points | None:
        if rows is None:
            return None
        found = points(self._features(rows.inputs, start, end), rows)
        return found.moved(self._centre, self._scale)

    def _moved(self, features: np.ndarray) -> np.ndarray:
        return (features - self._centre) / self._scale

    def _features(self, inputs: Inputs, start: float, end: float) -> np.ndarray:
        part = Portion(self._monitor, start, end)
        found = encode(self._given.network, inputs, self._given.vectors, part)
        if found is None:
            raise HeadNotFitted
        return found.cpu().numpy().reshape(len(found), -1).astype(np.float64)


def _decided_by_labels(
    logits: np.ndarray, targets: np.ndarray, biases: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """The biases after labelled rows: how much of `other` is added, then each by itself.

    The first is the mean of what is probable after the rows, evenly spread before; the second is
    most probable, with a normal prior.
    """
    believed = np.linspace(0.0, 1.0, 11)
    likely = np.array([-losses(logits + biases + x * other, targets).sum() for x in believed])
    weights = np.exp(likely - likely.max())
    middle = biases + float(weights @ believed / weights.sum()) * other

    def objective(moved: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(logits + moved)
        wrong = np.exp(logs)
        wrong[np.arange(len(targets)), targets] -= 1.0
        off, precision = moved - middle, _BIAS_DEVIATION**-2
        loss = losses(logits + moved, targets).sum() + 0.5 * precision * (off**2).sum()
        return float(loss), wrong.sum(axis=0) + precision * off

    found: np.ndarray = minimize(objective, middle, jac=True, method="L-BFGS-B").x
    return found
