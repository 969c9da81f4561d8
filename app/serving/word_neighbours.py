"""Nearest neighbours and translations of words, asked of the predictor process."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.enums import Format
from app.domain.errors.predictions import ModelNotLoaded
from app.domain.errors.word_vectors import (
    LanguageNotInModel,
    NoWordVectors,
    WidthsDiffer,
    WordsUnknown,
)
from app.domain.serving import Servable
from app.domain.words import Measure, WordAnswers
from app.serving.messages import Failure
from app.serving.predictor import Predictor
from app.serving.word_questions import Space, WordQuestion, WordReply


async def near_words(
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
    first = _space(*source)
    second = None if target is None else _space(*target)
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


def _space(servable: Servable, language: str | None) -> Space:
    if servable.facts.format is not Format.WORD_VECTORS:
        raise NoWordVectors(servable.name)
    return Space(servable, language)
