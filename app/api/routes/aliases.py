"""Aliases of models over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.api.deps import Reading, TheContext, TheDataPlane
from app.api.errors import responses
from app.api.schemas.aliases import (
    AliasAnswer,
    AliasFields,
    AliasWithMoves,
    CanaryFields,
    ShadowFields,
)
from app.api.schemas.names import AliasName, Name
from app.api.schemas.pages import ListAnswer
from app.domain.aliases import Share
from app.services.aliases import (
    AliasDetails,
    AliasPlan,
    AliasWish,
    Beside,
    find_alias,
    list_aliases,
    plan_alias,
    point_alias,
    remove_alias,
)
from app.services.context import Context

router = APIRouter(prefix="/v1/models/{name}/aliases", tags=["models"])
OfName = Annotated[Name, Path(description="The name of a model, without a version.")]
ByAlias = Annotated[AliasName, Path()]


@router.get("", response_model=ListAnswer[AliasAnswer], responses=responses(422))
def get_aliases(name: OfName, session: Reading) -> Any:
    """List the aliases of a name."""
    return {"items": [_answer(one) for one in list_aliases(session, name)]}


@router.get("/{alias}", response_model=AliasWithMoves, responses=responses(404, 422))
def get_alias(name: OfName, alias: ByAlias, session: Reading) -> Any:
    """Read one alias, and where it pointed before."""
    found = find_alias(session, name, alias)
    return _answer(found) | {"moves": found.moves}


@router.put("/{alias}", response_model=AliasAnswer, responses=responses(404, 409, 422, 503))
async def put_alias(
    name: OfName, alias: ByAlias, fields: AliasFields, context: TheContext, dataplane: TheDataPlane
) -> Any:
    """Point an alias to a model, once that model is in memory and warm.

    No request waits for the model or fails by the change: those at work are answered by the model
    that they began with.
    """
    wish = AliasWish(fields.model, _beside(fields.canary), _beside(fields.shadow))
    plan = await asyncio.to_thread(_plan, context, name, alias, wish)
    for model in plan.models:
        await dataplane.load(model)
    details = await asyncio.to_thread(_point, context, plan)
    dataplane.forget()
    return _answer(details)


@router.delete("/{alias}", status_code=204, responses=responses(404, 422))
def delete_alias(
    name: OfName, alias: ByAlias, context: TheContext, dataplane: TheDataPlane
) -> None:
    """Remove an alias, and what was counted under it; its models stay."""
    with context.sessions.begin() as session:
        remove_alias(session, name, alias)
    dataplane.forget()


def _plan(context: Context, name: str, alias: str, wish: AliasWish) -> AliasPlan:
    with context.readers() as session:
        return plan_alias(session, name, alias, wish)


def _point(context: Context, plan: AliasPlan) -> AliasDetails:
    with context.sessions.begin() as session:
        return point_alias(session, plan)


def _beside(fields: CanaryFields | ShadowFields | None) -> Beside | None:
    return None if fields is None else Beside(fields.model, fields.percent)


def _answer(details: AliasDetails) -> dict[str, Any]:
    alias = details.alias
    return {
        "name": alias.name,
        "alias": alias.alias,
        "model": _pointed(details, alias.model_id),
        "canary": _share(details, alias.canary),
        "shadow": _share(details, alias.shadow),
        "revision": alias.revision,
        "updated_at": alias.updated_at,
    }


def _share(details: AliasDetails, share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {"model": _pointed(details, share.model_id), "percent": share.percent}


def _pointed(details: AliasDetails, id: str) -> Any:
    return details.models.get(id, {"id": id})
