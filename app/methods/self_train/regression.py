"""`self-train` by the strategy `logistic`: each round fits the head as a regression."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from app.learn.calibration import (
    LabelShift,
    estimate_label_shift,
    log_softmax,
    smoothed_shares,
    softmax,
)
from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import Examples, Inputs
from app.learn.data.splits import fold_numbers
from app.learn.heads.adapt_head import SourceHead, fit_source_head
from app.learn.heads.logistic import (
    HeadPrior,
    LabelledFeatures,
    LinearHead,
    centre_and_scale,
    fit_logistic,
    labelled_features,
    log_losses,
    read_linear_head,
    write_linear_head,
)
from app.learn.inference import encode
from app.methods.contract import MethodInput
from app.methods.self_train.pseudo_labels import (
    PseudoLabels,
    most_confident_per_class,
    shift_to_shares,
)
from app.methods.self_train.round_results import (
    BestNetwork,
    RoundsReport,
    RoundState,
    subsample_source,
)
from app.methods.self_train.spec import SelfTrainParameters

_BIAS_RIDGE = 0.01
_TOLERANCE = 1e-6
# Half of what the unlabelled inputs say of the shares is believed of inputs to come, in logarithms.
_SHIFT_WEIGHT = 0.5
# How far labelled rows may move a bias: the standard deviation of a normal prior, in nats.
_BIAS_DEVIATION = 0.3


class HeadNotFitted(Exception):
    """The head is no linear map, or features cannot be kept."""


class RegressionRounds:
    """Runs the rounds on vectors; the network of `method_input` holds the result afterwards.

    `summary` says how they went. Needs source rows. Raises `HeadNotFitted` before the network is
    changed.
    """

    def __init__(self, method_input: MethodInput, monitor: Monitor) -> None:
        assert method_input.source is not None
        assert method_input.unlabelled is not None
        self._method_input, self._monitor = method_input, monitor
        self._parameters: SelfTrainParameters = method_input.parameters
        source = subsample_source(method_input.source)
        raw = self._features(source.inputs, 0.0, 0.3)
        start = read_linear_head(method_input.network, raw.shape[1])
        if start is None:
            raise HeadNotFitted
        self._start, self._classes = start, len(start.bias)
        self._centre, self._scale = centre_and_scale(raw)
        self._source = labelled_features(raw, source).standardised(self._centre, self._scale)
        self._unlabelled = self._standardised(self._features(method_input.unlabelled, 0.3, 0.6))
        self._labelled = self._labelled_features(method_input.train, 0.6, 0.65)
        self._validation = self._labelled_features(method_input.validation, 0.65, 0.7)
        part = SubProgress(monitor, 0.7, 0.8)
        self._first: SourceHead = fit_source_head(
            self._source,
            self._classes,
            fold_numbers(source, method_input.seed),
            lambda x: part.progress("fitting the source's head", x),
            least_loss=True,
        )

    def run(self) -> None:
        """All rounds; the best head is in place at the end."""
        method_input, last = self._method_input, self._parameters.rounds
        head, shift = self._first.head, self._label_shift()
        state = self._evaluate(self._start.standardised(self._centre, self._scale))
        candidates = BestNetwork(method_input.network, state, head_only=True)
        self.summary = RoundsReport(method_input.network.labels, state, *self._share_report(shift))
        self.summary.history += self._first.history
        posteriors = shift.posteriors
        for number in range(last + 1):
            pseudo_labels = self._pseudo_labels(number, posteriors) if number else None
            if pseudo_labels is not None:
                head = self._fit_head(head, pseudo_labels, labelled=False)
            biases = self._biases_to_match(head, shift.shares)
            posteriors = softmax(self._logits(head) + biases)
            found = LinearHead(head.weight, head.bias + biases)
            if pseudo_labels is not None and number == last:
                found = self._final_head(head, pseudo_labels, biases, shift.shares)
            write_linear_head(method_input.network, found.unstandardised(self._centre, self._scale))
            after = self._evaluate(found, biases)
            self._monitor.event(
                "round", **self.summary.add_round(number, pseudo_labels, state, after)
            )
            candidates.add(number, after)
            state = after
            self._monitor.progress("self-training", 0.8 + 0.2 * (number + 1) / (last + 1))
        candidates.restore_best()
        self.summary.end(candidates.best, None, has_labels=True)

    def _final_head(
        self, head: LinearHead, pseudo_labels: PseudoLabels, biases: np.ndarray, shares: np.ndarray
    ) -> LinearHead:
        """The last head: for inputs to come, and with what the labelled rows say.

        Inputs to come may have the unlabelled inputs' label shares or the source's: without
        labelled rows half is believed of each. Labelled rows say which, by a head that has not
        seen them, and are trained on last.
        """
        base = smoothed_shares(self._source.targets, self._classes)
        other = np.log(base) - np.log(shares)
        if self._labelled is None:
            shift = _SHIFT_WEIGHT * other if self._parameters.match_shares else 0.0
            return LinearHead(head.weight, head.bias + biases + shift)
        if self._parameters.match_shares:
            known = head.logits(self._labelled.vectors)
            biases = _biases_by_labels(known, self._labelled.targets, biases, other)
        wanted = softmax(self._logits(head) + biases).mean(axis=0)
        head = self._fit_head(head, pseudo_labels, labelled=True)
        return LinearHead(head.weight, head.bias + self._biases_to_match(head, wanted))

    def _label_shift(self) -> LabelShift:
        head, choice = self._first.head, self._first.choice
        logits, rows = self._logits(head), self._labelled
        if not self._parameters.match_shares:
            base = smoothed_shares(self._source.targets, self._classes)
            return LabelShift(base, softmax(logits))
        return estimate_label_shift(
            choice.logits,
            choice.features.targets,
            logits,
            None if rows is None else head.logits(rows.vectors),
            None if rows is None else rows.targets,
        )

    def _share_report(self, shift: LabelShift) -> tuple[np.ndarray | None, str, np.ndarray]:
        base = smoothed_shares(self._source.targets, self._classes)
        if not self._parameters.match_shares:
            return None, "not matched", base
        return shift.shares, "estimated on the unlabelled inputs", base

    def _biases_to_match(self, head: LinearHead, shares: np.ndarray) -> np.ndarray:
        if not self._parameters.match_shares:
            return np.zeros(self._classes)
        return shift_to_shares(self._logits(head), shares)

    def _pseudo_labels(self, number: int, posteriors: np.ndarray) -> PseudoLabels:
        share = self._parameters.share_of_round(number)
        return most_confident_per_class(posteriors, share, self._parameters.least_confidence)

    def _fit_head(
        self, head: LinearHead, pseudo_labels: PseudoLabels, labelled: bool
    ) -> LinearHead:
        """From the start each time: a student does not inherit what its teacher got wrong."""
        own = LabelledFeatures(
            self._unlabelled[pseudo_labels.positions],
            pseudo_labels.targets,
            pseudo_labels.positions,
        )
        parts = [(self._source, 1.0), (own, self._parameters.kept_weight)]
        if labelled and self._labelled is not None:
            parts.append((self._labelled, self._parameters.labelled_weight))
        rows = LabelledFeatures(
            *(
                np.concatenate([getattr(part, name) for part, _ in parts])
                for name in ("vectors", "targets", "rows")
            )
        )
        counts = np.concatenate([np.full(len(part), weight) for part, weight in parts])
        nothing = LinearHead(np.zeros_like(head.weight), np.zeros_like(head.bias))
        prior = HeadPrior(nothing, self._first.choice.penalty, _BIAS_RIDGE)
        return fit_logistic(rows, prior, head, _TOLERANCE, counts)

    def _evaluate(self, head: LinearHead, shift: np.ndarray | None = None) -> RoundState:
        logits, rows = self._logits(head), self._validation
        if rows is None:
            return RoundState(logits, 1.0, None, None, shift)
        answers = head.logits(rows.vectors)
        own = log_softmax(answers)[np.arange(len(rows)), rows.targets]
        accuracy = float((answers.argmax(axis=1) == rows.targets).mean())
        return RoundState(logits, 1.0, accuracy, float(-own.mean()), shift)

    def _logits(self, head: LinearHead) -> np.ndarray:
        return head.logits(self._unlabelled)

    def _labelled_features(
        self, rows: Examples | None, start: float, end: float
    ) -> LabelledFeatures | None:
        if rows is None:
            return None
        found = labelled_features(self._features(rows.inputs, start, end), rows)
        return found.standardised(self._centre, self._scale)

    def _standardised(self, features: np.ndarray) -> np.ndarray:
        return (features - self._centre) / self._scale

    def _features(self, inputs: Inputs, start: float, end: float) -> np.ndarray:
        part = SubProgress(self._monitor, start, end)
        found = encode(self._method_input.network, inputs, self._method_input.vectors, part)
        if found is None:
            raise HeadNotFitted
        return found.cpu().numpy().reshape(len(found), -1).astype(np.float64)


def _biases_by_labels(
    logits: np.ndarray, targets: np.ndarray, biases: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """The biases after labelled rows: how much of `other` is added, then each by itself.

    The first is the mean of what is probable after the rows, evenly spread before; the second is
    most probable, with a normal prior.
    """
    fractions = np.linspace(0.0, 1.0, 11)
    log_likelihoods = np.array(
        [-log_losses(logits + biases + x * other, targets).sum() for x in fractions]
    )
    weights = np.exp(log_likelihoods - log_likelihoods.max())
    middle = biases + float(weights @ fractions / weights.sum()) * other

    def objective(candidate: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(logits + candidate)
        wrong = np.exp(logs)
        wrong[np.arange(len(targets)), targets] -= 1.0
        distance, precision = candidate - middle, _BIAS_DEVIATION**-2
        loss = log_losses(logits + candidate, targets).sum() + 0.5 * precision * (distance**2).sum()
        return float(loss), wrong.sum(axis=0) + precision * distance

    found: np.ndarray = minimize(objective, middle, jac=True, method="L-BFGS-B").x
    return found
