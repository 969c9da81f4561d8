"""The rounds of `self-train`, one after the other."""

from __future__ import annotations

from dataclasses import replace

from app.learn.adaptation import adapt
from app.learn.checkpoints import CheckpointsWithin, NoCheckpoints
from app.learn.devices import best_device
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.pseudo_labels import PseudoLabels, surest_of_each_class
from app.learn.snapshot import Snapshot
from app.learn.softmax import softmax
from app.learn.training_options import Strategy, TrainingOptions
from app.methods.contract import MethodInput
from app.methods.self_train.account import Account
from app.methods.self_train.answers import Answers
from app.methods.self_train.candidates import Candidates
from app.methods.self_train.expectation import LABELLED_ROWS, expectation
from app.methods.self_train.pool import Pool
from app.methods.self_train.standing import Look, Standing

# The part of the time that the first look at all inputs takes, before round 0.
_FIRST_LOOK = 0.3
# A model that learns from nothing but its own labels drifts away if it learns for long.
_STEPS_WITHOUT_LABELS = 20
# Measured on languages of SIB-200, rows of their training split held out: 200 steps and 1,000 give
# the same accuracy.
_STEPS_OF_A_HEAD = 300


class Rounds:
    """Runs the rounds on the network of `given`, which holds the result afterwards.

    `account` tells how they went.
    """

    def __init__(self, given: MethodInput, monitor: Monitor) -> None:
        if given.unlabelled is None:
            raise ValueError("self-train needs unlabelled inputs; its specification says so")
        self._given = given
        self._chosen = given.parameters
        self._monitor = monitor
        self._head_only = self._chosen.strategy in (Strategy.HEAD, Strategy.LOGISTIC)
        rows = (given.train, given.source, given.validation)
        self._knows_labels = any(part is not None for part in rows)
        self._last = self._chosen.rounds if self._knows_labels else 1
        self._pool = Pool.of(given, given.unlabelled)
        self._answers = Answers(self._pool, given.validation, self._head_only)
        self._look = Look(given, self._pool, self._answers)

    def run(self) -> None:
        """All rounds; the best network is in place at the end."""
        network = self._given.network
        first = self._look.at_the_network(Portion(self._monitor, 0.0, _FIRST_LOOK))
        self._shares, self._shares_from = expectation(self._given, self._answers, first.logits)
        self._start = Snapshot(network, self._head_only)
        candidates = Candidates(network, first, self._head_only)
        self.account = Account(network.labels, first, self._shares, self._shares_from)
        standing = first
        for number in range(self._last + 1):
            standing = self._round(number, standing)
            candidates.add(number, standing)
            if candidates.why is not None:
                break
        candidates.restore_best()
        self.account.end(candidates.best, candidates.why, self._knows_labels)

    def _round(self, number: int, before: Standing) -> Standing:
        sure = self._surest(number, before) if number else None
        width = (1.0 - _FIRST_LOOK) / (self._last + 1)
        start = _FIRST_LOOK + width * number
        if sure is not None or self._given.train is not None:
            self._train(number, sure, Portion(self._monitor, start, start + 0.9 * width))
        looking = Portion(self._monitor, start + 0.9 * width, start + width)
        within_errors = self._shares_from == LABELLED_ROWS
        after = self._look.at_the_network(looking, self._shares, within_errors)
        self._monitor.event("round", **self.account.add_round(number, sure, before, after))
        return after

    def _train(self, number: int, sure: PseudoLabels | None, monitor: Monitor) -> None:
        """From the start each time: a student does not inherit what its teacher got wrong."""
        given = self._given
        self._start.restore(given.network)
        told, _ = adapt(
            given.network,
            self._pool.training_rows(self._chosen, sure),
            self._options(),
            given.seed + number,
            monitor,
            CheckpointsWithin(given.checkpoints or NoCheckpoints(), f"round-{number}"),
        )
        given.network.to(best_device())
        self.account.history += [{"round": number, **line} for line in told]

    def _options(self) -> TrainingOptions:
        """The user's; unless told, few steps where they are enough, or better not exceeded."""
        options: TrainingOptions = self._chosen.options()
        if self._head_only:
            options = replace(options, strategy=Strategy.HEAD)
        if options.max_steps is not None or options.epochs is not None:
            return options
        if not self._knows_labels:
            return replace(options, max_steps=_STEPS_WITHOUT_LABELS)
        return replace(options, max_steps=_STEPS_OF_A_HEAD) if self._head_only else options

    def _surest(self, number: int, before: Standing) -> PseudoLabels:
        share = self._chosen.share_of_round(number)
        probabilities = softmax(before.logits / before.temperature)
        return surest_of_each_class(probabilities, share, self._chosen.least_confidence)
