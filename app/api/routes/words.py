"""Words of models of word vectors over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.api import error_examples as examples
from app.api.dependencies import DataPlaneDep, PredictorDep
from app.api.errors import responses
from app.api.routes.models import Reference
from app.api.schemas.words import NeighboursRequest, TranslationsRequest, WordsAnswer
from app.domain.models import Model
from app.domain.predictions import WordAnswers
from app.serving.words import nearest_words

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
    model: Reference, body: NeighboursRequest, dataplane: DataPlaneDep, predictor: PredictorDep
) -> Any:
    """Find the words of the same language that are nearest to each word.

    Words are looked up as they stand, else in lower case.
    """
    found, servable = await dataplane.servable(model)
    source = (servable, body.language)
    answers = await nearest_words(predictor, source, None, body.words, body.k, body.measure)
    return _answer(found, body, answers)


@router.post("/{model}/translations", response_model=WordsAnswer, responses=_RESPONSES)
async def post_translations(
    model: Reference, body: TranslationsRequest, dataplane: DataPlaneDep, predictor: PredictorDep
) -> Any:
    """Translate words: find the nearest words of another language in the same space.

    A model that `align` made holds both languages; `target_model` names a second model
    otherwise, whose vectors must lie in the same space.
    """
    found, servable = await dataplane.servable(model)
    other = servable
    if body.target_model is not None:
        _, other = await dataplane.servable(body.target_model)
    source, target = (servable, body.language), (other, body.target_language)
    answers = await nearest_words(predictor, source, target, body.words, body.k, body.measure)
    return _answer(found, body, answers)


def _answer(model: Model, body: NeighboursRequest, answers: WordAnswers) -> dict[str, Any]:
    return {"model": model, "measure": body.measure, **vars(answers)}
