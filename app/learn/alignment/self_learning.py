"""Dictionaries: induced from two spaces, and improved together with the map (self-learning)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.learn.alignment.csls import (
    NEIGHBOURS,
    Heartbeat,
    nearest,
    no_heartbeat,
    score_blocks,
    topk,
)
from app.learn.alignment.maps import normalised, orthogonal_map
from app.learn.alignment.steps import NormalisationStep
from app.learn.callbacks import Checkpoints, NoCheckpoints

Dictionary = tuple[Tensor, Tensor]
_MIN_GAIN = 1e-6
_STATE = "self-learning"


@dataclass(frozen=True)
class SelfLearningOptions:
    """The options of self-learning.

    `vocabulary`: so many of the most frequent words of each language take part. `keep`: the share
    of similarities that the first rounds keep; it is doubled each time that `patience` rounds
    brought no better objective, and when it is 1, that ends it. `rounds`: the most there may be.
    """

    vocabulary: int = 20_000
    neighbours: int = NEIGHBOURS
    keep: float = 0.1
    growth: float = 2.0
    patience: int = 50
    rounds: int = 1000


@dataclass(frozen=True)
class SelfLearningResult:
    """The last dictionary (positions), how many rounds it took, and the objective of each."""

    dictionary: Dictionary
    rounds: int
    objectives: list[float]
    converged: bool


def self_learn(
    source: Tensor,
    target: Tensor,
    seed_dictionary: Dictionary,
    options: SelfLearningOptions,
    seed: int = 0,
    heartbeat: Heartbeat = no_heartbeat,
    on_round: Callable[[int, float, float], None] = lambda number, objective, keep: None,
    checkpoints: Checkpoints | None = None,
) -> SelfLearningResult:
    """Fit an orthogonal map to a dictionary, read a better dictionary off it, and so on.

    `source` and `target` are normalised, float32 (n, width) and (m, width), frequent words
    first. Artetxe et al., 2017 and 2018 ("A robust self-learning method ..."): CSLS, both
    directions, stochastic induction. Deterministic by `seed` on the CPU, also when it goes on
    from what `checkpoints` kept.
    """
    store = checkpoints or NoCheckpoints()
    generator = torch.Generator().manual_seed(seed)
    state = _SelfLearningState.load(store, generator, source.device) or _SelfLearningState(
        seed_dictionary, options.keep
    )
    some, others = source[: options.vocabulary], target[: options.vocabulary]
    while len(state.objectives) < options.rounds and not state.converged:
        first, second = state.dictionary
        rotation = orthogonal_map(source[first], target[second])
        found = induce_dictionary(
            some @ rotation, others, options.neighbours, state.keep, generator, heartbeat
        )
        kept = state.keep
        state.advance(found, options)
        if store.due():
            state.save(store, generator)
        on_round(len(state.objectives), found.objective, kept)
    return SelfLearningResult(
        state.dictionary, len(state.objectives), state.objectives, state.converged
    )


@dataclass
class _SelfLearningState:
    """Where self-learning is; `since` counts the rounds without a better objective."""

    dictionary: Dictionary
    keep: float
    best: float = -1.0
    since: int = 0
    objectives: list[float] = field(default_factory=list)
    converged: bool = False

    def advance(self, found: InducedDictionary, options: SelfLearningOptions) -> None:
        """Go on to the next round, or to the end."""
        self.dictionary = found.pairs
        self.objectives.append(found.objective)
        self.since = 0 if found.objective - self.best >= _MIN_GAIN else self.since + 1
        self.best = max(self.best, found.objective)
        if self.since >= options.patience:
            self.converged = self.keep >= 1.0
            self.keep, self.since = min(1.0, self.keep * options.growth), 0

    def save(self, store: Checkpoints, generator: torch.Generator) -> None:
        tensors = {"first": self.dictionary[0].cpu(), "second": self.dictionary[1].cpu()}
        facts = {name: getattr(self, name) for name in ("keep", "best", "since", "objectives")}
        facts["converged"] = self.converged
        store.save(_STATE, tensors | {"generator": generator.get_state()}, facts)

    @classmethod
    def load(
        cls, store: Checkpoints, generator: torch.Generator, device: torch.device
    ) -> _SelfLearningState | None:
        found = store.load(_STATE)
        if found is None:
            return None
        tensors, facts = found
        generator.set_state(tensors["generator"])
        dictionary = tensors["first"].to(device), tensors["second"].to(device)
        return cls(dictionary, **facts)


@dataclass(frozen=True)
class InducedDictionary:
    """`pairs`: source and target positions, int64 (n + m,) each: every word's best translation.

    `objective`: mean cosine of every word of either language with its nearest of the other.
    """

    pairs: tuple[Tensor, Tensor]
    objective: float
    source_words: int

    def mutual(self) -> tuple[Tensor, Tensor]:
        """Source and target positions of the pairs that both directions agree on."""
        first, second = self.pairs
        forward, backward = second[: self.source_words], first[self.source_words :]
        agreed = backward[forward] == first[: self.source_words]
        return first[: self.source_words][agreed], forward[agreed]


class SimilarityDropout:
    """Drops a share of all similarities at random, so that induction can leave a poor optimum.

    Stochastic dictionary induction (Artetxe et al., 2018). Drawing a number for each of n x n
    similarities takes longer than computing them, so one random field is drawn in a round, and
    each row uses it from a random place on.
    """

    def __init__(self, keep: float, columns: int, generator: torch.Generator) -> None:
        """`columns`: the most that a row may have."""
        self._generator = generator
        self._dropped = torch.rand(2 * columns + 4096, generator=generator) >= keep

    def forget(self, scores: Tensor) -> None:
        """Set what is dropped to zero, in place."""
        rows, columns = scores.shape
        starts = torch.randint(len(self._dropped) - columns, (rows,), generator=self._generator)
        dropped = self._dropped.unfold(0, columns, 1)[starts]
        scores.masked_fill_(dropped.to(scores.device), 0.0)


def induce_dictionary(
    source: Tensor,
    target: Tensor,
    k: int = NEIGHBOURS,
    keep: float = 1.0,
    generator: torch.Generator | None = None,
    heartbeat: Heartbeat = no_heartbeat,
) -> InducedDictionary:
    """Every word's best translation by CSLS in both directions.

    `source` (n, width) and `target` (m, width) have rows of length 1 or so and lie in one space.
    `keep` < 1 forgets the other similarities at random (`SimilarityDropout`, by `generator`).
    Three passes over the similarities: r of the source words; r and translations of the target
    words, which need the first; translations of the source words, which need both.
    """
    k = min(k, len(source), len(target))
    top = nearest(source, target, k, heartbeat=heartbeat)[0]
    dropout = None
    if keep < 1.0:
        size = max(len(source), len(target))
        dropout = SimilarityDropout(keep, size, generator or torch.Generator().manual_seed(0))
    found_sources, target_top = _translate(target, source, top.mean(dim=1), k, dropout, heartbeat)
    found_targets, _ = _translate(source, target, target_top.mean(dim=1), 0, dropout, heartbeat)
    everyone = torch.arange(max(len(source), len(target)), device=source.device)
    pairs = (
        torch.cat([everyone[: len(source)], found_sources]),
        torch.cat([found_targets, everyone[: len(target)]]),
    )
    objective = float((top[:, 0].mean() + target_top[:, 0].mean()) / 2)
    return InducedDictionary(pairs, objective, len(source))


def _translate(
    queries: Tensor,
    targets: Tensor,
    offsets: Tensor,
    k: int,
    dropout: SimilarityDropout | None,
    heartbeat: Heartbeat,
) -> tuple[Tensor, Tensor]:
    """Best targets by CSLS (n,); and from the same products each query's k largest cosines."""
    found, tops = [], []
    for rows, scores in score_blocks(queries, targets, heartbeat):
        if k:
            tops.append(rows.best(scores, k)[0])
        if dropout is None:
            found.append(rows.best(scores, 1, offsets / 2)[1])
        else:
            scores.sub_(offsets / 2)
            dropout.forget(scores)
            found.append(topk(scores, 1)[1])
    return torch.cat(found)[:, 0], torch.cat(tops) if k else offsets


def identical_words(source: Sequence[str], target: Sequence[str]) -> Dictionary:
    """Positions (int64 (pairs,) each) of the words that are written alike in both languages.

    Numerals, names and loans are often translations of themselves (Artetxe et al., 2017;
    Søgaard et al., 2018).
    """
    places = {word: place for place, word in enumerate(target)}
    pairs = [(place, places[word]) for place, word in enumerate(source) if word in places]
    found = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)
    return found[:, 0].contiguous(), found[:, 1].contiguous()


def similarity_distributions(
    source: Tensor, target: Tensor, steps: Sequence[NormalisationStep], words: int = 4000
) -> Dictionary:
    """A first dictionary from nothing: words with alike distributions of similarity.

    The sorted similarities of a word with all others of its own language look much the same in
    every language (Artetxe et al., 2018, "A robust self-learning method for fully unsupervised
    cross-lingual mappings of word embeddings"). `source` and `target` are normalised by `steps`,
    the most frequent words first, of which `words` are compared.
    """
    size = min(len(source), len(target), words)
    return induce_dictionary(
        _fingerprints(source[:size], steps), _fingerprints(target[:size], steps)
    ).pairs


def _fingerprints(vectors: Tensor, steps: Sequence[NormalisationStep]) -> Tensor:
    """Each word's sorted similarities under the square root of the similarity matrix."""
    left, lengths, _ = torch.linalg.svd(vectors, full_matrices=False)
    return normalised(((left * lengths) @ left.T).sort(dim=1).values, steps)
