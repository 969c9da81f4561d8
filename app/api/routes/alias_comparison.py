"""How the models under an alias compare, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api import error_examples as examples
from app.api.deps import TheContext, TheDataPlane
from app.api.errors import responses
from app.api.routes.aliases import ByAlias, OfName
from app.api.schemas.alias_comparison import AliasComparisonAnswer
from app.domain.alias_traffic import ModelTally, ShadowTally
from app.services.alias_comparison import AliasComparison, compare_under_alias, share_of
from app.services.context import Context
from app.store.alias_traffic import MOST_DISAGREEMENTS

router = APIRouter(prefix="/v1/models/{name}/aliases", tags=["models"])
Samples = Annotated[
    int, Query(ge=0, le=MOST_DISAGREEMENTS, description="Disagreements shown of each pair.")
]


@router.get(
    "/{alias}/comparison",
    response_model=AliasComparisonAnswer,
    responses=responses(examples.NO_ALIAS, examples.BAD_REQUEST),
)
async def get_comparison(
    name: OfName,
    alias: ByAlias,
    context: TheContext,
    dataplane: TheDataPlane,
    disagreements: Samples = 20,
) -> Any:
    """Read what each model answered under an alias, and how shadows compared.

    What other processes of the API counted comes with a delay of a second.
    """
    await dataplane.tally.write()
    found = await asyncio.to_thread(_read, context, name, alias, disagreements)
    return {
        "name": name,
        "alias": alias,
        "answers": [_answers(found, one) for one in found.answers],
        "shadows": [_shadow(found, one) for one in found.shadows],
    }


def _read(context: Context, name: str, alias: str, samples: int) -> AliasComparison:
    with context.readers() as session:
        return compare_under_alias(session, name, alias, samples)


def _answers(found: AliasComparison, one: ModelTally) -> dict[str, Any]:
    counts = one.counts
    return {
        "model": _model(found, one.model_id),
        "since": one.since,
        "mean_confidence": _mean(counts.confidence_sum, counts.inputs),
        "mean_seconds": _mean(counts.seconds_sum, counts.requests),
    } | {name: getattr(counts, name) for name in ("requests", "inputs", "failures")}


def _shadow(found: AliasComparison, one: ShadowTally) -> dict[str, Any]:
    counts = one.counts
    plain = ("requests", "inputs", "agreements", "failures", "passed_over")
    return {
        "model": _model(found, one.model_id),
        "shadow": _model(found, one.shadow_model_id),
        "since": one.since,
        "agreement": share_of(counts.agreements, counts.inputs),
        "mean_difference": _mean(counts.difference_sum, counts.inputs),
        "largest_difference": counts.difference_max,
        "mean_seconds": _mean(counts.seconds_sum, counts.requests),
        "shadow_mean_seconds": _mean(counts.shadow_seconds_sum, counts.requests),
        "disagreements": one.disagreements,
    } | {name: getattr(counts, name) for name in plain}


def _model(found: AliasComparison, id: str) -> Any:
    return found.models.get(id, {"id": id})


def _mean(total: float, number: int) -> float | None:
    return total / number if number else None
