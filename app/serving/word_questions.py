"""Questions about words, answered in the predictor process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.serving import Servable
from app.domain.words import NearWord, NearWords, WordAnswers

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.word_vectors.network import WordVectorNetwork
    from app.learn.word_vectors.vocabulary import Vocabulary
    from app.serving.resident_models import Loaded, ResidentModels


@dataclass(frozen=True)
class Space:
    """One language of a model; `language` None means the first, or the first that is another."""

    servable: Servable
    language: str | None = None


@dataclass(frozen=True)
class WordQuestion:
    """Which words of `target` are nearest to `words` of `source`; None: of the same language."""

    source: Space
    target: Space | None
    words: tuple[str, ...]
    k: int
    csls: bool


@dataclass(frozen=True)
class WordReply:
    """The answers; or the model that lacks a `language`, and those it knows."""

    answers: WordAnswers | None = None
    model: str = ""
    language: str = ""
    known: tuple[str, ...] = ()


class Directions:
    """The vectors of a network's words at length 1, made once for each language and kept.

    Between languages they are without what all words of a language share. May be called from
    several threads at once.
    """

    def __init__(self, network: WordVectorNetwork) -> None:
        self.network = network
        self._lock = threading.Lock()
        self._made: dict[tuple[int, bool], Tensor] = {}

    @property
    def size_bytes(self) -> int:
        """What is kept."""
        return sum(one.numel() * one.element_size() for one in list(self._made.values()))

    def of(self, vocabulary: Vocabulary, centred: bool) -> Tensor:
        """Float32 (words, width), in the order of the vocabulary."""
        from app.learn.alignment.normalisation import normalised
        from app.learn.alignment.steps import Step

        steps = (Step.UNIT, Step.CENTER, Step.UNIT) if centred else (Step.UNIT,)
        key = (self.network.vocabularies.index(vocabulary), centred)
        with self._lock:
            if key not in self._made:
                self._made[key] = normalised(self.network.vectors[vocabulary.rows], steps)
            return self._made[key]


def reply_to(question: WordQuestion, loaded: ResidentModels) -> WordReply:
    """Look the words up and rank what is near."""
    import torch

    from app.learn.alignment.ranking import rank

    mine = theirs = _directions(question.source, loaded)
    source = mine.network
    from_words = _vocabulary(source, question.source.language, None)
    if from_words is None:
        return _lacking(question.source, source)
    to_words = from_words
    if question.target is not None:
        theirs = _directions(question.target, loaded)
        target = theirs.network
        same = question.target.servable.sha256 == question.source.servable.sha256
        chosen = _vocabulary(target, question.target.language, from_words if same else None)
        if chosen is None:
            return _lacking(question.target, target)
        to_words = chosen
    ranks = {word: from_words.rank(word) for word in question.words}
    known = {word: rank for word, rank in ranks.items() if rank is not None}
    unknown = tuple(word for word, rank in ranks.items() if rank is None)
    results: tuple[NearWords, ...] = ()
    if known:
        places = torch.tensor(list(known.values()), device=source.vectors.device)
        alone = question.target is None
        own = mine.of(from_words, centred=not alone)
        others = own if alone else theirs.of(to_words, centred=True)
        loaded.fit()
        scores, found = rank(
            own[places], others, own, question.k, question.csls, places if alone else None
        )
        results = _results(list(known), to_words, scores, found)
    return WordReply(WordAnswers(from_words.language, to_words.language, results, unknown))


def _directions(space: Space, loaded: ResidentModels) -> Directions:
    found: Loaded = loaded.get(space.servable).result()
    # Two threads that do this at once make nothing yet, so that one of theirs is simply lost.
    if found.directions is None:
        found.directions = Directions(_network(found))
    return found.directions


def _network(loaded: Loaded) -> WordVectorNetwork:
    from app.learn.word_vectors.network import WordVectorNetwork
    from app.runtimes.torch_runtime import TorchRuntime

    assert isinstance(loaded.runtime, TorchRuntime)
    assert isinstance(loaded.runtime.network, WordVectorNetwork)
    return loaded.runtime.network


def _vocabulary(
    network: WordVectorNetwork, language: str | None, besides: Vocabulary | None
) -> Vocabulary | None:
    """The vocabulary of `language`, else the first that is not `besides`; None without one."""
    for one in network.vocabularies:
        if one is not besides and language in (None, one.language):
            return one
    # Vectors that were never aligned do not know what language they are of.
    only = network.vocabularies[0]
    unnamed = len(network.vocabularies) == 1 and only.language == "und" and only is not besides
    return only if unnamed else None


def _lacking(space: Space, network: WordVectorNetwork) -> WordReply:
    known = tuple(one.language for one in network.vocabularies)
    return WordReply(
        model=space.servable.name, language=space.language or "another language", known=known
    )


def _results(
    words: list[str], vocabulary: Vocabulary, scores: Tensor, places: Tensor
) -> tuple[NearWords, ...]:
    return tuple(
        NearWords(
            word,
            tuple(
                NearWord(vocabulary.words[place], round(score, 6))
                for score, place in zip(row_scores, row_places, strict=True)
            ),
        )
        for word, row_scores, row_places in zip(
            words, scores.tolist(), places.tolist(), strict=True
        )
    )
