"""Words of models of word vectors over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.api import error_examples as examples
from app.api.deps import TheDataPlane, ThePredictor
from app.api.errors import responses
from app.api.routes.models import Reference
from app.api.schemas.words import NeighboursRequest, TranslationsRequest, WordsAnswer
from app.domain.models import Model
from app.domain.words import WordAnswers
from app.serving.word_neighbours import near_words

router = APIRouter(prefix="/v1/models", tags=["predictions"])
_RESPONSES = responses(
    examples.NO_MODEL,
    examples.NO_VECTORS,
    examples.CANNOT_PREDICT,
    examples.NO_WORDS,
    examples.NO_SUCH_LANGUAGE,
    examples.WIDTHS_DIFFER,
    examples.BAD_REQUEST,
    examples.NOT_LOADED,
    examples.STOPPED,
    examples.SILENT,
)


@router.post("/{model}/neighbours", response_model=WordsAnswer, responses=_RESPONSES)
async def post_neighbours(
    model: Reference, asked: NeighboursRequest, dataplane: TheDataPlane, predictor: ThePredictor
) -> Any:
    """Find the words of the same language that are nearest to each word.

    Words are looked up as they stand, else in lower case.
    """
    found, servable = await dataplane.servable(model)
    source = (servable, asked.language)
    answers = await near_words(predictor, source, None, asked.words, asked.k, asked.measure)
    return _answer(found, asked, answers)


@router.post("/{model}/translations", response_model=WordsAnswer, responses=_RESPONSES)
async def post_translations(
    model: Reference, asked: TranslationsRequest, dataplane: TheDataPlane, predictor: ThePredictor
) -> Any:
    """Translate words: find the nearest words of another language in the same space.

    A model that `align` made holds both languages; `target_model` names a second model
    otherwise, whose vectors must lie in the same space.
    """
    found, servable = await dataplane.servable(model)
    other = servable
    if asked.target_model is not None:
        _, other = await dataplane.servable(asked.target_model)
    source, target = (servable, asked.language), (other, asked.target_language)
    answers = await near_words(predictor, source, target, asked.words, asked.k, asked.measure)
    return _answer(found, asked, answers)


def _answer(model: Model, asked: NeighboursRequest, answers: WordAnswers) -> dict[str, Any]:
    return {"model": model, "measure": asked.measure, **vars(answers)}
