"""Fits the map between two languages' word vectors: seed pairs, self-learning, refinement."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from app.domain.errors.methods import DictionaryMissing, DictionaryTooSmall
from app.domain.errors.model_formats import WidthsDiffer
from app.learn.alignment.csls import GoldDictionary
from app.learn.alignment.maps import normalised, orthogonal_map, refine_rcsls, weighted_maps
from app.learn.alignment.self_learning import (
    SelfLearningOptions,
    SelfLearningResult,
    identical_words,
    induce_dictionary,
    self_learn,
    similarity_distributions,
)
from app.learn.alignment.steps import NormalisationStep
from app.learn.callbacks import Checkpoints, Monitor, NoCheckpoints, SubProgress
from app.learn.data.examples import TextPairs
from app.learn.devices import best_device
from app.learn.word_vectors import WordVectorNetwork, WordVocabulary
from app.methods.align.spec import AlignParameters, Refinement, SeedDictionary
from app.methods.contract import MethodInput

IndexPairs = tuple[Tensor, Tensor]
_PAIRS_PER_DIMENSION = 5
# Self-learning starts from as few pairs (Artetxe et al., 2017); an orthogonal map fitted once
# needs as many as a vector has numbers, or directions are left to chance.
_MIN_PAIRS = 25


@dataclass(frozen=True)
class FittedMap:
    """`map` (width, width): normalised target vectors @ map lie in the source's space.

    `dictionary`: source and target ranks that it was fitted to.
    """

    map: Tensor
    dictionary: IndexPairs
    report: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""


def fit_map(
    source: LanguageVectors,
    target: LanguageVectors,
    dictionary: SplitDictionary | None,
    parameters: AlignParameters,
    seed: int,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
) -> FittedMap:
    """Seed dictionary, self-learning and refinement, as the parameters ask.

    Raises DictionaryMissing and DictionaryTooSmall.
    """
    kind = parameters.seed_dictionary or (
        SeedDictionary.IDENTICAL if dictionary is None else SeedDictionary.DICTIONARY
    )
    pairs = seed_pairs(kind, source, target, dictionary, parameters)
    width = source.normalised.shape[1]
    self_learning = parameters.self_learning
    if self_learning is None:
        self_learning = (
            kind is not SeedDictionary.DICTIONARY or len(pairs[0]) < _PAIRS_PER_DIMENSION * width
        )
    require_enough_pairs(pairs, self_learning, width, dictionary)
    history: list[dict[str, Any]] = []
    report: dict[str, Any] = {"seed_dictionary": kind.value, "seed_pairs": len(pairs[0])}
    stopped = f"The first map was fitted to {len(pairs[0])} pairs of words."
    if self_learning:
        part = SubProgress(monitor, 0.0, 0.8)
        result = learn_dictionary(source, target, pairs, kind, parameters, seed, part, checkpoints)
        pairs = result.dictionary
        history, stopped = learning_history(result), stop_reason(result, parameters)
        report["self_learning"] = _learning_report(result)
    part = SubProgress(monitor, 0.8, 0.9)
    pairs = reweighted_dictionary(source, target, pairs, dictionary, parameters, part)
    found = orthogonal_map(target.normalised[pairs[1]], source.normalised[pairs[0]])
    if parameters.refinement is Refinement.RCSLS:
        found, losses = _refine(
            source, target, pairs, found, parameters, SubProgress(monitor, 0.9, 1)
        )
        report["refinement"] = {"first_loss": losses[0], "loss": min(losses)}
    monitor.progress("mapping", 1.0)
    return FittedMap(found, pairs, report | {"pairs": len(pairs[0])}, history, stopped)


def _learning_report(result: SelfLearningResult) -> dict[str, Any]:
    return {
        "rounds": result.rounds,
        "converged": result.converged,
        "objective": round(result.objectives[-1], 5),
    }


def _refine(
    source: LanguageVectors,
    target: LanguageVectors,
    pairs: IndexPairs,
    start: Tensor,
    parameters: AlignParameters,
    monitor: Monitor,
) -> tuple[Tensor, list[float]]:
    fraction = 0.0

    def on_round(number: int, loss: float) -> None:
        nonlocal fraction
        fraction = number / 10
        monitor.event("check", round=number, loss=round(loss, 5))

    size = max(parameters.vocabulary, int(torch.stack(pairs).max()) + 1)
    refined = refine_rcsls(
        functional.normalize(target.normalised[:size], dim=1),
        functional.normalize(source.normalised[:size], dim=1),
        (pairs[1], pairs[0]),
        start,
        neighbours=parameters.neighbours,
        heartbeat=lambda: monitor.progress("refining", fraction),
        on_round=on_round,
    )
    return refined.map, [round(loss, 5) for loss in refined.losses]


def seed_pairs(
    kind: SeedDictionary,
    source: LanguageVectors,
    target: LanguageVectors,
    dictionary: SplitDictionary | None,
    parameters: AlignParameters,
) -> IndexPairs:
    """Source and target ranks, int64 (pairs,) each; raises DictionaryMissing."""
    if kind is SeedDictionary.DICTIONARY:
        if dictionary is None:
            raise DictionaryMissing
        return dictionary.train
    if kind is SeedDictionary.UNSUPERVISED:
        steps = parameters.normalisation
        return similarity_distributions(source.normalised, target.normalised, steps)
    words = [one.vocabulary.words[: parameters.vocabulary] for one in (source, target)]
    first, second = identical_words(*words)
    return first.to(source.normalised.device), second.to(source.normalised.device)


def require_enough_pairs(
    pairs: IndexPairs, self_learning: bool, width: int, dictionary: SplitDictionary | None
) -> None:
    """Raise DictionaryTooSmall where the pairs are too few for the map's rank."""
    needed = min(_MIN_PAIRS, width) if self_learning else width
    if len(pairs[0]) < needed:
        counts = (
            (dictionary.pair_count, dictionary.missing_source, dictionary.missing_target)
            if dictionary
            else None
        )
        total, *missing = counts or (len(pairs[0]), 0, 0)
        raise DictionaryTooSmall(len(pairs[0]), needed, total, *missing)


def learn_dictionary(
    source: LanguageVectors,
    target: LanguageVectors,
    pairs: IndexPairs,
    kind: SeedDictionary,
    parameters: AlignParameters,
    seed: int,
    monitor: Monitor,
    checkpoints: Checkpoints | None,
) -> SelfLearningResult:
    """Improve `pairs` and the map by turns; reports each round."""
    options = SelfLearningOptions(
        vocabulary=parameters.vocabulary,
        neighbours=parameters.neighbours,
        # A good first dictionary needs no luck to leave it; an unsupervised one is mostly wrong.
        keep=0.1 if kind is SeedDictionary.UNSUPERVISED else 0.5,
        patience=parameters.patience,
        rounds=parameters.rounds,
    )
    fraction = 0.0

    def heartbeat() -> None:
        monitor.progress("self-learning", fraction)

    def on_round(number: int, objective: float, keep: float) -> None:
        # Nobody knows how many rounds there will be; each takes a share of what is left.
        nonlocal fraction
        fraction += (1 - fraction) * 0.03
        monitor.progress("self-learning", fraction, round=number)
        monitor.event("check", round=number, objective=round(objective, 5), keep=keep)

    return self_learn(
        source.normalised,
        target.normalised,
        pairs,
        options,
        seed=seed,
        heartbeat=heartbeat,
        on_round=on_round,
        checkpoints=checkpoints or NoCheckpoints(),
    )


def reweighted_dictionary(
    source: LanguageVectors,
    target: LanguageVectors,
    pairs: IndexPairs,
    dictionary: SplitDictionary | None,
    parameters: AlignParameters,
    monitor: Monitor,
) -> IndexPairs:
    """The dictionary as it reads in the re-weighted space of both languages.

    Only pairs of which each word is the other's best translation, and the pairs that the user
    gave: what is induced in one direction alone holds too many errors. Where there are too few
    pairs to weigh the dimensions by, they stay as they are.
    """
    if parameters.reweighting == 0 or len(pairs[0]) < 2 * source.normalised.shape[1]:
        return pairs
    maps = weighted_maps(
        source.normalised[pairs[0]], target.normalised[pairs[1]], parameters.reweighting
    )
    size = parameters.vocabulary
    some = functional.normalize(source.normalised[:size] @ maps.source, dim=1)
    others = functional.normalize(target.normalised[:size] @ maps.target, dim=1)
    found = induce_dictionary(
        some, others, parameters.neighbours, heartbeat=lambda: monitor.progress("re-weighting", 1.0)
    )
    first, second = found.mutual()
    if dictionary is None:
        return first, second
    return torch.cat([first, dictionary.train[0]]), torch.cat([second, dictionary.train[1]])


def learning_history(result: SelfLearningResult, limit: int = 40) -> list[dict[str, Any]]:
    """The objective of every round, or of some dozens of them."""
    step = max(1, len(result.objectives) // limit)
    return [
        {"round": number, "objective": round(result.objectives[number - 1], 5)}
        for number in range(1, len(result.objectives) + 1)
        if number % step == 0 or number == len(result.objectives)
    ]


def stop_reason(result: SelfLearningResult, parameters: AlignParameters) -> str:
    """A sentence."""
    if result.converged:
        return (
            f"Self-learning ended after {result.rounds} rounds: {parameters.patience} of them "
            "brought no better objective with every similarity kept."
        )
    return f"Self-learning made all {result.rounds} rounds that it may."


@dataclass(frozen=True)
class SplitDictionary:
    """`train`: ranks of source and target words, int64 (pairs,) each; `held_out`: words to test on.

    `pair_count` pairs were given; `missing_source` and `missing_target` count distinct words that
    the vectors lack.
    """

    train: IndexPairs
    held_out: GoldDictionary
    pair_count: int
    missing_source: int
    missing_target: int

    def report(self) -> dict[str, Any]:
        """The account as JSON."""
        usable = len(self.train[0]) + sum(map(len, self.held_out.answers.values()))
        return {
            "given": self.pair_count,
            "usable": usable,
            "coverage": round(usable / self.pair_count, 4) if self.pair_count else 0.0,
            "missing_source": self.missing_source,
            "missing_target": self.missing_target,
            "fitted_on": len(self.train[0]),
            "held_out_words": len(self.held_out.answers),
        }


def split_dictionary(
    pairs: TextPairs, source: LanguageVectors, target: LanguageVectors, held_out: float, seed: int
) -> SplitDictionary:
    """Look the words up and keep a share of the source words out, drawn by `seed`."""
    device = source.normalised.device
    distinct = dict.fromkeys(zip(pairs.source, pairs.target, strict=True))
    ranks = [(source.vocabulary.rank(a), target.vocabulary.rank(b)) for a, b in distinct]
    usable = dict.fromkeys((a, b) for a, b in ranks if a is not None and b is not None)
    words = sorted({a for a, _ in usable})
    held_out_words = set(random.Random(seed).sample(words, round(held_out * len(words))))
    train = torch.tensor(
        [pair for pair in usable if pair[0] not in held_out_words], dtype=torch.int64
    )
    train = train.reshape(-1, 2).to(device)
    answers: dict[int, set[int]] = {}
    for a, b in usable:
        if a in held_out_words:
            answers.setdefault(a, set()).add(b)
    missing = (
        [
            len({word for word, rank in zip(side, found, strict=True) if rank is None})
            for side, found in zip(
                zip(*distinct, strict=True), zip(*ranks, strict=True), strict=True
            )
        ]
        if distinct
        else [0, 0]
    )
    gold = GoldDictionary({place: frozenset(right) for place, right in answers.items()}, 0)
    return SplitDictionary((train[:, 0], train[:, 1]), gold, len(distinct), *missing)


@dataclass(frozen=True)
class LanguageVectors:
    """Vocabulary and vectors of one language, float32 (words, width), on the device of work."""

    vocabulary: WordVocabulary
    raw: Tensor
    normalised: Tensor

    @cached_property
    def size(self) -> int:
        """How many words there are."""
        return len(self.vocabulary)


def language_vectors(method_input: MethodInput) -> tuple[LanguageVectors, LanguageVectors]:
    """Source and target; raises WidthsDiffer."""
    source, target = method_input.network, method_input.auxiliary_model
    if not isinstance(source, WordVectorNetwork) or not isinstance(target, WordVectorNetwork):
        raise TypeError("align works on networks of word vectors; its specification says so")
    if source.width != target.width:
        raise WidthsDiffer(source.width, target.width)
    steps = method_input.parameters.normalisation
    return (
        _vectors_for(source, method_input.source_language, steps),
        _vectors_for(target, method_input.target_language, steps),
    )


def _vectors_for(
    network: WordVectorNetwork, tag: str, steps: tuple[NormalisationStep, ...]
) -> LanguageVectors:
    vocabulary = network.vocabulary_for(tag)
    raw = network.vectors[vocabulary.rows].to(best_device())
    return LanguageVectors(WordVocabulary(tag, vocabulary.words), raw, normalised(raw, steps))
