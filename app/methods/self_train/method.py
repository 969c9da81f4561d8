"""`self-train`: rounds of labelling target inputs and training on the surest of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from app.learn.calibration import estimate_label_shift, fit_temperature, log_softmax, softmax
from app.learn.callbacks import (
    Monitor,
    NoCheckpoints,
    NullMonitor,
    PrefixedCheckpoints,
    SubProgress,
)
from app.learn.data.batch_sampler import Stream
from app.learn.data.examples import Examples, Inputs, concatenate_examples
from app.learn.devices import best_device
from app.learn.inference import encode, predict
from app.learn.network import Network, ParameterSnapshot, shift_logits
from app.learn.tasks.contract import require_finite
from app.learn.training.recipe import Strategy, TrainingOptions
from app.learn.training.rows import TrainingRows
from app.learn.training.trainer import adapt
from app.learn.vector_cache import MemoryVectorCache, VectorCache
from app.methods.contract import MethodInput, MethodOutput
from app.methods.self_train.pseudo_labels import (
    PseudoLabels,
    expected_label_shares,
    most_confident_per_class,
    shares_halfway_to_uniform,
    shares_within_errors,
    shift_to_shares,
)
from app.methods.self_train.round_results import (
    BestNetwork,
    RoundsReport,
    RoundState,
    subsample_source,
)
from app.methods.self_train.spec import SelfTrainParameters

if TYPE_CHECKING:
    from app.methods.self_train.regression import RegressionRounds

# The part of the time that the first look at all inputs takes, before round 0.
_FIRST_EVALUATION = 0.3
# A model that learns from nothing but its own labels drifts away if it learns for long.
_STEPS_WITHOUT_LABELS = 20
# Measured on languages of SIB-200, rows of their training split held out: 200 steps and 1,000 give
# the same accuracy.
_HEAD_STEPS = 300
# Of these the labels may have been picked otherwise than the unlabelled inputs came.
SHARES_FROM_LABELLED_ROWS = "labelled rows, as far as the network doubts its answers"
# A temperature fitted on fewer rows says more about them than about the network.
_MIN_ROWS_TO_CALIBRATE = 20
_MIN_PROBABILITY = 1e-12


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Rounds of labelling and training, each by a student that starts from the source model.

    Round 0 trains on the labelled target rows, where there are any, and on the source rows. In
    each further round the network labels the unlabelled inputs (Lee, 2013), keeps the surest of
    each class (class-balanced thresholds: Zou et al., 2018) by a confidence that validation rows
    calibrate, and is trained from its start on those as well. After each round its biases are
    shifted so that labels are predicted as often as expected. With validation rows rounds end when
    they bring nothing better, and the best is the result: the start itself where all others are
    worse. Without them rounds end when the labels hardly change any more.
    """
    method_input.network.to(best_device()).eval()
    try:
        rounds, notes = _prepare_rounds(method_input, monitor)
        rounds.run()
    finally:
        method_input.network.requires_grad_(True).cpu().eval()
    monitor.progress("self-training", 1.0)
    return MethodOutput(
        network=method_input.network,
        history=rounds.summary.history,
        stopped=rounds.summary.stopped,
        report=rounds.summary.report,
        notes=notes,
    )


def _prepare_rounds(
    method_input: MethodInput, monitor: Monitor
) -> tuple[GradientRounds | RegressionRounds, tuple[str, ...]]:
    """Regressions where strategy, rows and head allow them; a note where the latter do not."""
    if method_input.parameters.strategy is not Strategy.LOGISTIC:
        return GradientRounds(method_input, monitor), ()
    if method_input.source is None:
        reason = "there were no `source` rows"
    else:
        # With what it needs of scipy and scikit-learn, this takes a second to import.
        from app.methods.self_train.regression import HeadNotFitted, RegressionRounds

        try:
            return RegressionRounds(method_input, monitor), method_input.parameters.without_effect()
        except HeadNotFitted:
            reason = "the model's head is not one linear layer on vectors that can be kept"
    note = f"The strategy was `head` and not `logistic`, because {reason}."
    return GradientRounds(method_input, monitor), (note,)


class GradientRounds:
    """Runs the rounds on the network of `method_input`, which holds the result afterwards.

    `summary` says how they went.
    """

    def __init__(self, method_input: MethodInput, monitor: Monitor) -> None:
        if method_input.unlabelled is None:
            raise ValueError("self-train needs unlabelled inputs; its specification says so")
        self._method_input = method_input
        self._parameters = method_input.parameters
        self._monitor = monitor
        self._head_only = self._parameters.strategy in (Strategy.HEAD, Strategy.LOGISTIC)
        rows = (method_input.train, method_input.source, method_input.validation)
        self._has_labels = any(part is not None for part in rows)
        self._last_round = self._parameters.rounds if self._has_labels else 1
        self._pool = TrainingPool.of(method_input, method_input.unlabelled)
        self._logits = RoundLogits(self._pool, method_input.validation, self._head_only)
        self._evaluator = RoundEvaluator(method_input, self._pool, self._logits)

    def run(self) -> None:
        """All rounds; the best network is in place at the end."""
        network = self._method_input.network
        first = self._evaluator.evaluate(SubProgress(self._monitor, 0.0, _FIRST_EVALUATION))
        self._shares, self._shares_from = target_label_shares(
            self._method_input, self._logits, first.logits
        )
        self._start = ParameterSnapshot(network, self._head_only)
        candidates = BestNetwork(network, first, self._head_only)
        self.summary = RoundsReport(network.labels, first, self._shares, self._shares_from)
        state = first
        for number in range(self._last_round + 1):
            state = self._round(number, state)
            candidates.add(number, state)
            if candidates.stop_reason is not None:
                break
        candidates.restore_best()
        self.summary.end(candidates.best, candidates.stop_reason, self._has_labels)

    def _round(self, number: int, before: RoundState) -> RoundState:
        pseudo_labels = self._pseudo_labels(number, before) if number else None
        width = (1.0 - _FIRST_EVALUATION) / (self._last_round + 1)
        start = _FIRST_EVALUATION + width * number
        if pseudo_labels is not None or self._method_input.train is not None:
            self._train(
                number, pseudo_labels, SubProgress(self._monitor, start, start + 0.9 * width)
            )
        part = SubProgress(self._monitor, start + 0.9 * width, start + width)
        within_errors = self._shares_from == SHARES_FROM_LABELLED_ROWS
        after = self._evaluator.evaluate(part, self._shares, within_errors)
        self._monitor.event("round", **self.summary.add_round(number, pseudo_labels, before, after))
        return after

    def _train(self, number: int, pseudo_labels: PseudoLabels | None, monitor: Monitor) -> None:
        """From the start each time: a student does not inherit what its teacher got wrong."""
        method_input = self._method_input
        self._start.restore(method_input.network)
        history_lines, _ = adapt(
            method_input.network,
            self._pool.training_rows(self._parameters, pseudo_labels),
            self._options(),
            method_input.seed + number,
            monitor,
            PrefixedCheckpoints(method_input.checkpoints or NoCheckpoints(), f"round-{number}"),
        )
        method_input.network.to(best_device())
        self.summary.history += [{"round": number, **line} for line in history_lines]

    def _options(self) -> TrainingOptions:
        """The user's; where they leave the steps open, few, when those are enough or safer."""
        options: TrainingOptions = self._parameters.options()
        if self._head_only:
            options = replace(options, strategy=Strategy.HEAD)
        if options.max_steps is not None or options.epochs is not None:
            return options
        if not self._has_labels:
            return replace(options, max_steps=_STEPS_WITHOUT_LABELS)
        return replace(options, max_steps=_HEAD_STEPS) if self._head_only else options

    def _pseudo_labels(self, number: int, before: RoundState) -> PseudoLabels:
        share = self._parameters.share_of_round(number)
        probabilities = softmax(before.logits / before.temperature)
        return most_confident_per_class(probabilities, share, self._parameters.least_confidence)


def target_label_shares(
    method_input: MethodInput, round_logits: RoundLogits, logits: np.ndarray
) -> tuple[np.ndarray | None, str]:
    """The shares, float (classes,), and where they are from; None where none shall be matched.

    `logits` (float (n, classes)) are the source model's for the unlabelled inputs. Labelled rows
    are believed half, and half the label shift that shows between them and the unlabelled inputs;
    without any, the model is believed about inputs of its own language; without those its
    predictions are believed half.
    """
    if not method_input.parameters.match_shares:
        return None, "not matched"
    target = [
        rows.targets for rows in (method_input.train, method_input.validation) if rows is not None
    ]
    counted = expected_label_shares(
        np.concatenate(target) if target else None,
        method_input.source.targets if method_input.source is not None else None,
        len(method_input.network.labels),
    )
    if counted is not None and method_input.source is not None:
        source = subsample_source(method_input.source)
        source_logits = round_logits.of_source(method_input.network, source.inputs)
        assert source_logits is not None
        found = estimate_label_shift(source_logits, source.targets, logits)
        shares = np.sqrt(counted * found.shares)
        return shares / shares.sum(), "labelled rows, moved halfway towards the label shift"
    if counted is not None:
        return counted, SHARES_FROM_LABELLED_ROWS
    of_source = round_logits.of_source(method_input.network, method_input.source_unlabelled)
    if of_source is not None:
        return softmax(of_source).mean(axis=0), "predictions for unlabelled source inputs"
    return shares_halfway_to_uniform(logits), "own predictions, moved halfway towards even shares"


class RoundEvaluator:
    """Evaluates the network after each round."""

    def __init__(
        self, method_input: MethodInput, pool: TrainingPool, round_logits: RoundLogits
    ) -> None:
        self._method_input = method_input
        self._pool = pool
        self._logits = round_logits

    def evaluate(
        self, monitor: Monitor, shares: np.ndarray | None = None, within_errors: bool = False
    ) -> RoundState:
        """Its state, after its biases were shifted so that `shares` (classes,) are matched.

        With `within_errors` no further than `shares_within_errors` says.
        """
        network = self._method_input.network
        logits = self._logits.of_unlabelled(network, monitor)
        added = None
        if shares is not None:
            shift = shift_to_shares(
                logits, shares_within_errors(logits, shares) if within_errors else shares
            )
            if shift_logits(network, shift, self._pool.rows.inputs):
                logits, added = logits + shift, shift
        accuracy, loss, temperature = self._on_validation()
        return RoundState(logits, temperature, accuracy, loss, added)

    def _on_validation(self) -> tuple[float | None, float | None, float]:
        logits, rows = (
            self._logits.of_validation(self._method_input.network),
            self._method_input.validation,
        )
        if logits is None or rows is None:
            return None, None, 1.0
        own = log_softmax(logits)[np.arange(len(rows)), rows.targets]
        enough = len(rows) >= _MIN_ROWS_TO_CALIBRATE
        temperature = fit_temperature(logits, rows.targets) if enough else 1.0
        accuracy = float((logits.argmax(axis=1) == rows.targets).mean())
        return accuracy, float(-own.mean()), temperature


class RoundLogits:
    """Logits of the unlabelled inputs and of the validation rows.

    With `frozen`, the body is the same in all rounds: then each input goes through it once.
    """

    def __init__(self, pool: TrainingPool, validation: Examples | None, frozen: bool) -> None:
        self._pool = pool
        self._unlabelled = pool.rows.take(pool.unlabelled).inputs
        self._validation = validation
        self._frozen = frozen
        self._features: dict[str, Tensor | None] = {}

    def of_unlabelled(self, network: Network, monitor: Monitor) -> np.ndarray:
        """Float64 (unlabelled, classes)."""
        return self._of(network, "unlabelled", self._unlabelled, monitor)

    def of_validation(self, network: Network) -> np.ndarray | None:
        """Float64 (rows, classes), None without validation rows."""
        if self._validation is None:
            return None
        return self._of(network, "validation", self._validation.inputs, NullMonitor())

    def of_source(self, network: Network, inputs: Inputs | None) -> np.ndarray | None:
        """Float64 (n, classes) for inputs of the source language, None without any."""
        return None if inputs is None else self._of(network, "source", inputs, NullMonitor())

    def _of(self, network: Network, name: str, inputs: Inputs, monitor: Monitor) -> np.ndarray:
        if self._frozen and name not in self._features:
            self._features[name] = encode(network, inputs, self._pool.vectors, monitor)
        features = self._features.get(name)
        if features is None:
            found = predict(network, inputs, monitor=monitor)
            require_finite(found)
            return np.log(np.maximum(found.astype(np.float64), _MIN_PROBABILITY))
        with torch.no_grad():
            logits: np.ndarray = network.head(features).double().cpu().numpy()
        require_finite(logits)
        return logits


@dataclass(frozen=True)
class TrainingPool:
    """Labelled target rows, source rows and unlabelled inputs as one.

    `labelled`, `source` and `unlabelled` are int (k,) positions in `rows`. The targets of
    unlabelled inputs mean nothing until a round sets them. `vectors` keeps what a frozen body makes
    of the inputs, so that rounds do not encode them again.
    """

    rows: Examples
    labelled: np.ndarray
    source: np.ndarray
    unlabelled: np.ndarray
    vectors: VectorCache

    @classmethod
    def of(cls, method_input: MethodInput, inputs: Inputs) -> TrainingPool:
        """The pool of `method_input`, whose unlabelled inputs are `inputs`."""
        unlabelled = Examples(
            inputs=inputs,
            targets=np.zeros(len(inputs), dtype=np.int64),
            rows=np.arange(1, len(inputs) + 1, dtype=np.int64),
        )
        parts = [method_input.train, method_input.source, unlabelled]
        sizes = [len(part) if part is not None else 0 for part in parts]
        ends = np.cumsum(sizes)
        spans = [np.arange(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        joined = reduce(concatenate_examples, (part for part in parts if part is not None))
        return cls(
            joined, spans[0], spans[1], spans[2], method_input.vectors or MemoryVectorCache()
        )

    def training_rows(
        self, parameters: SelfTrainParameters, pseudo_labels: PseudoLabels | None
    ) -> TrainingRows:
        """What one round trains on; without `pseudo_labels`, the rows whose labels were given.

        Each kind of row has its share of every batch, by its number times its weight. Inputs that
        are not drawn are left out, since epochs are passes over what there is.
        """
        targets = self.rows.targets.copy()
        kept = np.empty(0, dtype=np.int64)
        if pseudo_labels is not None:
            kept = self.unlabelled[pseudo_labels.positions]
            targets[kept] = pseudo_labels.targets
        weighed = [
            (self.labelled, parameters.labelled_weight),
            (self.source, 1.0),
            (kept, parameters.kept_weight),
        ]
        weighed = [(positions, weight) for positions, weight in weighed if len(positions)]
        total = sum(len(positions) * weight for positions, weight in weighed)
        positions_drawn = np.concatenate([positions for positions, _ in weighed])
        ends = np.cumsum([len(positions) for positions, _ in weighed])
        return TrainingRows(
            train=replace(self.rows, targets=targets).take(positions_drawn),
            streams=tuple(
                Stream(np.arange(end - len(positions), end), len(positions) * weight / total)
                for (positions, weight), end in zip(weighed, ends, strict=True)
            ),
            vectors=self.vectors,
        )
