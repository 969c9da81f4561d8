"""Nearest neighbours and translations of words, asked of the predictor process."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.enums import Format
from app.domain.errors.predictions import ModelCannotPredict, ModelNotLoaded
from app.domain.errors.word_vectors import (
    LanguageNotInModel,
    NoWordVectors,
    WidthsDiffer,
    WordsUnknown,
)
from app.domain.models import Model
from app.domain.words import Measure, WordAnswers
from app.serving.loaded_models import answer_words
from app.serving.predictor import Predictor
from app.serving.word_questions import Space, WordQuestion


async def near_words(
    predictor: Predictor,
    source: tuple[Model, str | None],
    target: tuple[Model, str | None] | None,
    words: Sequence[str],
    k: int,
    measure: Measure,
) -> WordAnswers:
    """The k words of `target` (a model and a language) nearest to each of `words` of `source`.

    Without `target` they are of the same language: neighbours instead of translations. Raises
    NoWordVectors, WidthsDiffer, LanguageNotInModel, WordsUnknown, ModelCannotPredict,
    ModelNotLoaded and PredictorStopped.
    """
    first = _space(*source)
    second = None if target is None else _space(*target)
    if second is not None and second.facts.vector_width != first.facts.vector_width:
        raise WidthsDiffer(first.facts.vector_width, second.facts.vector_width)
    distinct = tuple(dict.fromkeys(words))
    question = WordQuestion(first, second, distinct, k, measure is Measure.CSLS)
    reply = await predictor.ask(answer_words, question)
    if reply.failure:
        raise ModelNotLoaded(first.name, reply.failure)
    if reply.answers is None:
        raise LanguageNotInModel(reply.model, reply.language, reply.known)
    if not reply.answers.results:
        raise WordsUnknown(first.name, distinct)
    return reply.answers


def _space(model: Model, language: str | None) -> Space:
    if model.facts is None or model.sha256 is None:
        reason, advice = "its file was rejected", "Read the model's `rejection` and upload again."
        raise ModelCannotPredict(model.name, reason, advice)
    if model.facts.format is not Format.WORD_VECTORS:
        raise NoWordVectors(model.name)
    return Space(model.name, model.sha256, model.facts, language)
