"""Aliases of models over HTTP, and how the models under an alias compare."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from app.api import error_examples as examples
from app.api.dependencies import ContextDep, DataPlaneDep, ReadSession
from app.api.errors import responses
from app.api.schemas.aliases import (
    AliasAnswer,
    AliasComparisonAnswer,
    AliasFields,
    AliasWithMoves,
    CanaryFields,
    ShadowFields,
)
from app.api.schemas.records import AliasName, ListAnswer, RecordName
from app.domain.aliases import ModelTally, ShadowTally, Share
from app.domain.models import Model
from app.services.aliases import (
    AliasComparison,
    AliasDetails,
    AliasPlan,
    AliasRequest,
    ExpectedRevisions,
    SecondaryModel,
    compare_alias_models,
    find_alias,
    list_aliases,
    plan_alias,
    point_alias,
    remove_alias,
    share_with_interval,
)
from app.services.context import Context
from app.store.aliases import MOST_DISAGREEMENTS

router = APIRouter(prefix="/v1/models/{name}/aliases", tags=["models"])
ModelNamePath = Annotated[RecordName, Path(description="The name of a model, without a version.")]
AliasPath = Annotated[AliasName, Path()]
IfMatchHeader = Annotated[
    str | None,
    Header(description="ETags of the alias as it may be, or *; otherwise the answer is 412."),
]
DisagreementLimit = Annotated[
    int, Query(ge=0, le=MOST_DISAGREEMENTS, description="Disagreements shown of each pair.")
]
_TAG = re.compile(r'"(\d{1,18})"')


@router.get("", response_model=ListAnswer[AliasAnswer], responses=responses(examples.BAD_REQUEST))
def get_aliases(name: ModelNamePath, session: ReadSession) -> Any:
    """List the aliases of a name."""
    return {"items": [_answer(one) for one in list_aliases(session, name)]}


@router.get(
    "/{alias}",
    response_model=AliasWithMoves,
    responses=responses(examples.NO_ALIAS, examples.BAD_REQUEST),
)
def get_alias(
    name: ModelNamePath, alias: AliasPath, session: ReadSession, response: Response
) -> Any:
    """Read one alias, and where it pointed before; its ETag is for If-Match."""
    found = find_alias(session, name, alias)
    response.headers["ETag"] = _tag(found)
    return _answer(found) | {"moves": found.moves}


@router.put(
    "/{alias}",
    response_model=AliasAnswer,
    responses=responses(
        examples.NO_MODEL,
        examples.CANNOT_PREDICT,
        examples.MEMORY_FULL,
        examples.ALIAS_INPUTS_GONE,
        examples.ALIAS_CHANGED,
        examples.RECORD_REJECTED,
        examples.ALIAS_OF_ANOTHER_NAME,
        examples.MODELS_NOT_ALIKE,
        examples.BAD_REQUEST,
        examples.NOT_LOADED,
        examples.STOPPED,
        examples.SILENT,
    ),
)
async def put_alias(
    name: ModelNamePath,
    alias: AliasPath,
    fields: AliasFields,
    context: ContextDep,
    dataplane: DataPlaneDep,
    response: Response,
    if_match: IfMatchHeader = None,
) -> Any:
    """Point an alias to a model, once that model is in memory and warm.

    No request waits for the model or fails by the change: those at work are answered by the model
    that they began with. With `If-Match` it is changed only where nobody else changed it since.
    """
    change = AliasRequest(fields.model, _secondary(fields.canary), _secondary(fields.shadow))
    plan = await asyncio.to_thread(_plan, context, name, alias, change, _expected(if_match))
    for model in plan.models:
        await dataplane.load(model)
    details = await asyncio.to_thread(_point, context, plan)
    dataplane.forget()
    response.headers["ETag"] = _tag(details)
    return _answer(details)


@router.delete(
    "/{alias}",
    status_code=204,
    responses=responses(examples.NO_ALIAS, examples.ALIAS_CHANGED, examples.BAD_REQUEST),
)
def delete_alias(
    name: ModelNamePath,
    alias: AliasPath,
    context: ContextDep,
    dataplane: DataPlaneDep,
    if_match: IfMatchHeader = None,
) -> None:
    """Remove an alias, and what was counted under it; its models stay."""
    with context.sessions.begin() as session:
        remove_alias(session, name, alias, _expected(if_match))
    dataplane.forget()


@router.get(
    "/{alias}/comparison",
    response_model=AliasComparisonAnswer,
    responses=responses(examples.NO_ALIAS, examples.BAD_REQUEST),
)
async def get_comparison(
    name: ModelNamePath,
    alias: AliasPath,
    context: ContextDep,
    dataplane: DataPlaneDep,
    disagreements: DisagreementLimit = 20,
) -> Any:
    """Read what each model answered under an alias, and how shadows compared.

    What other processes of the API counted comes with a delay of a second.
    """
    await dataplane.tally.write()
    found = await asyncio.to_thread(_read_comparison, context, name, alias, disagreements)
    return {
        "name": name,
        "alias": alias,
        "answers": [_model_counts(found, one) for one in found.answers],
        "shadows": [_shadow_counts(found, one) for one in found.shadows],
    }


def _expected(if_match: str | None) -> ExpectedRevisions | None:
    """The revisions that If-Match names (RFC 9110); a weak or foreign tag matches nothing."""
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return ExpectedRevisions(None)
    tags = (_TAG.fullmatch(one.strip()) for one in if_match.split(","))
    return ExpectedRevisions(frozenset(int(one[1]) for one in tags if one))


def _tag(details: AliasDetails) -> str:
    return f'"{details.alias.revision}"'


def _plan(
    context: Context,
    name: str,
    alias: str,
    change: AliasRequest,
    expected: ExpectedRevisions | None,
) -> AliasPlan:
    with context.readers() as session:
        return plan_alias(session, name, alias, change, expected)


def _point(context: Context, plan: AliasPlan) -> AliasDetails:
    with context.sessions.begin() as session:
        return point_alias(session, plan)


def _secondary(fields: CanaryFields | ShadowFields | None) -> SecondaryModel | None:
    return None if fields is None else SecondaryModel(fields.model, fields.percent)


def _answer(details: AliasDetails) -> dict[str, Any]:
    alias = details.alias
    return {
        "name": alias.name,
        "alias": alias.alias,
        "model": _model_or_id(details.models, alias.model_id),
        "canary": _share(details, alias.canary),
        "shadow": _share(details, alias.shadow),
        "revision": alias.revision,
        "updated_at": alias.updated_at,
    }


def _share(details: AliasDetails, share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {"model": _model_or_id(details.models, share.model_id), "percent": share.percent}


def _read_comparison(context: Context, name: str, alias: str, samples: int) -> AliasComparison:
    with context.readers() as session:
        return compare_alias_models(session, name, alias, samples)


def _model_counts(found: AliasComparison, one: ModelTally) -> dict[str, Any]:
    counts = one.counts
    return {
        "model": _model_or_id(found.models, one.model_id),
        "since": one.since,
        "mean_confidence": _mean(counts.confidence_sum, counts.inputs),
        "mean_seconds": _mean(counts.seconds_sum, counts.requests),
    } | {name: getattr(counts, name) for name in ("requests", "inputs", "failures")}


def _shadow_counts(found: AliasComparison, one: ShadowTally) -> dict[str, Any]:
    counts = one.counts
    plain = ("requests", "inputs", "agreements", "failures", "passed_over")
    return {
        "model": _model_or_id(found.models, one.model_id),
        "shadow": _model_or_id(found.models, one.shadow_model_id),
        "since": one.since,
        "agreement": share_with_interval(counts.agreements, counts.inputs),
        "mean_difference": _mean(counts.difference_sum, counts.inputs),
        "largest_difference": counts.difference_max,
        "mean_seconds": _mean(counts.seconds_sum, counts.requests),
        "shadow_mean_seconds": _mean(counts.shadow_seconds_sum, counts.requests),
        "disagreements": one.disagreements,
    } | {name: getattr(counts, name) for name in plain}


def _model_or_id(models: Mapping[str, Model], id: str) -> Model | dict[str, str]:
    """The model; where it was deleted since, its id alone."""
    return models.get(id, {"id": id})


def _mean(total: float, number: int) -> float | None:
    return total / number if number else None
