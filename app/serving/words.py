"""Nearest words in word vectors: asked for by the API, found in the predictor process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.domain.enums import Format
from app.domain.errors.model_formats import (
    LanguageNotInModel,
    NoWordVectors,
    WidthsDiffer,
    WordsUnknown,
)
from app.domain.errors.predictions import ModelNotLoaded
from app.domain.models import Servable
from app.domain.predictions import Measure, NearWord, NearWords, WordAnswers
from app.serving.messages import Failure, WordQuestion, WordReply, WordSpace

if TYPE_CHECKING:
    from torch import Tensor

    from app.learn.word_vectors import WordVectorNetwork, WordVocabulary
    from app.serving.model_cache import CachedModel, ModelCache
    from app.serving.predictor import Predictor


async def nearest_words(
    predictor: Predictor,
    source: tuple[Servable, str | None],
    target: tuple[Servable, str | None] | None,
    words: Sequence[str],
    k: int,
    measure: Measure,
) -> WordAnswers:
    """The k words of `target` (a model and a language) nearest to each of `words` of `source`.

    Without `target` they are of the same language: neighbours instead of translations. Raises
    NoWordVectors, WidthsDiffer, LanguageNotInModel, WordsUnknown, ModelNotLoaded and
    PredictorStopped.
    """
    first = _word_space(*source)
    second = None if target is None else _word_space(*target)
    name, width = first.servable.name, first.servable.facts.vector_width
    if second is not None and second.servable.facts.vector_width != width:
        raise WidthsDiffer(width, second.servable.facts.vector_width)
    distinct = tuple(dict.fromkeys(words))
    question = WordQuestion(first, second, distinct, k, measure is Measure.CSLS)
    reply = await predictor.ask(question)
    if not isinstance(reply, WordReply):
        raise ModelNotLoaded(name, reply.reason if isinstance(reply, Failure) else str(reply))
    if reply.answers is None:
        raise LanguageNotInModel(reply.model, reply.language, reply.known)
    if not reply.answers.results:
        raise WordsUnknown(name, distinct)
    return reply.answers


def _word_space(servable: Servable, language: str | None) -> WordSpace:
    if servable.facts.format is not Format.WORD_VECTORS:
        raise NoWordVectors(servable.name)
    return WordSpace(servable, language)


def answer_word_question(question: WordQuestion, models: ModelCache) -> WordReply:
    """Look the words up and rank what is near."""
    import torch

    from app.learn.alignment.csls import rank

    source = target = _normalized_vectors(question.source, models)
    source_words = _vocabulary(source.network, question.source.language, None)
    if source_words is None:
        return _language_missing(question.source, source.network)
    target_words = source_words
    if question.target is not None:
        target = _normalized_vectors(question.target, models)
        same = question.target.servable.sha256 == question.source.servable.sha256
        excluded = source_words if same else None
        chosen = _vocabulary(target.network, question.target.language, excluded)
        if chosen is None:
            return _language_missing(question.target, target.network)
        target_words = chosen
    ranks = {word: source_words.rank(word) for word in question.words}
    known = {word: rank for word, rank in ranks.items() if rank is not None}
    unknown = tuple(word for word, rank in ranks.items() if rank is None)
    results: tuple[NearWords, ...] = ()
    if known:
        places = torch.tensor(list(known.values()), device=source.network.vectors.device)
        monolingual = question.target is None
        queries = source.of(source_words, centred=not monolingual)
        candidates = queries if monolingual else target.of(target_words, centred=True)
        models.fit()
        scores, found = rank(
            queries[places],
            candidates,
            queries,
            question.k,
            question.csls,
            places if monolingual else None,
        )
        results = _results(list(known), target_words, scores, found)
    return WordReply(WordAnswers(source_words.language, target_words.language, results, unknown))


class NormalizedVectors:
    """The vectors of a network's words at length 1, made once for each language and kept.

    Those that are compared between languages are centred first (the mean of all words of the
    language is removed). May be called from several threads at once.
    """

    def __init__(self, network: WordVectorNetwork) -> None:
        self.network = network
        self._lock = threading.Lock()
        self._made: dict[tuple[int, bool], Tensor] = {}

    @property
    def size_bytes(self) -> int:
        """What is kept."""
        return sum(one.numel() * one.element_size() for one in list(self._made.values()))

    def of(self, vocabulary: WordVocabulary, centred: bool) -> Tensor:
        """Float32 (words, width), in the order of the vocabulary."""
        from app.learn.alignment.maps import normalised
        from app.learn.alignment.steps import NormalisationStep

        steps = (
            (NormalisationStep.UNIT, NormalisationStep.CENTER, NormalisationStep.UNIT)
            if centred
            else (NormalisationStep.UNIT,)
        )
        key = (self.network.vocabularies.index(vocabulary), centred)
        with self._lock:
            if key not in self._made:
                self._made[key] = normalised(self.network.vectors[vocabulary.rows], steps)
            return self._made[key]


def _normalized_vectors(space: WordSpace, models: ModelCache) -> NormalizedVectors:
    loaded: CachedModel = models.get(space.servable).result()
    # Two threads that do this at once have computed nothing yet: one object is simply lost.
    if loaded.normalized is None:
        loaded.normalized = NormalizedVectors(_network(loaded))
    return loaded.normalized


def _network(loaded: CachedModel) -> WordVectorNetwork:
    from app.learn.word_vectors import WordVectorNetwork
    from app.runtimes.torch_runtime import TorchRuntime

    assert isinstance(loaded.runtime, TorchRuntime)
    assert isinstance(loaded.runtime.network, WordVectorNetwork)
    return loaded.runtime.network


def _vocabulary(
    network: WordVectorNetwork, language: str | None, excluded: WordVocabulary | None
) -> WordVocabulary | None:
    """The vocabulary of `language`, or of any where that is None, but for `excluded`."""
    for one in network.vocabularies:
        if one is not excluded and language in (None, one.language):
            return one
    # Vectors that were never aligned do not say what language they are of.
    only = network.vocabularies[0]
    unnamed = len(network.vocabularies) == 1 and only.language == "und" and only is not excluded
    return only if unnamed else None


def _language_missing(space: WordSpace, network: WordVectorNetwork) -> WordReply:
    known = tuple(one.language for one in network.vocabularies)
    return WordReply(
        model=space.servable.name, language=space.language or "another language", known=known
    )


def _results(
    words: list[str], vocabulary: WordVocabulary, scores: Tensor, places: Tensor
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
