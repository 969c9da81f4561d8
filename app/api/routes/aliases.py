"""Aliases of models over HTTP."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response

from app.api import error_examples as examples
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
    Expected,
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
IfMatch = Annotated[
    str | None,
    Header(description="ETags of the alias as it may be, or *; otherwise the answer is 412."),
]
_TAG = re.compile(r'"(\d{1,18})"')


@router.get("", response_model=ListAnswer[AliasAnswer], responses=responses(examples.BAD_REQUEST))
def get_aliases(name: OfName, session: Reading) -> Any:
    """List the aliases of a name."""
    return {"items": [_answer(one) for one in list_aliases(session, name)]}


@router.get(
    "/{alias}",
    response_model=AliasWithMoves,
    responses=responses(examples.NO_ALIAS, examples.BAD_REQUEST),
)
def get_alias(name: OfName, alias: ByAlias, session: Reading, response: Response) -> Any:
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
        examples.NOT_ALIKE,
        examples.BAD_REQUEST,
        examples.NOT_LOADED,
        examples.STOPPED,
        examples.SILENT,
    ),
)
async def put_alias(
    name: OfName,
    alias: ByAlias,
    fields: AliasFields,
    context: TheContext,
    dataplane: TheDataPlane,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Point an alias to a model, once that model is in memory and warm.

    No request waits for the model or fails by the change: those at work are answered by the model
    that they began with. With `If-Match` it is changed only where nobody else changed it since.
    """
    wish = AliasWish(fields.model, _beside(fields.canary), _beside(fields.shadow))
    plan = await asyncio.to_thread(_plan, context, name, alias, wish, _expected(if_match))
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
    name: OfName,
    alias: ByAlias,
    context: TheContext,
    dataplane: TheDataPlane,
    if_match: IfMatch = None,
) -> None:
    """Remove an alias, and what was counted under it; its models stay."""
    with context.sessions.begin() as session:
        remove_alias(session, name, alias, _expected(if_match))
    dataplane.forget()


def _expected(if_match: str | None) -> Expected | None:
    """What If-Match asks for (RFC 9110); a weak tag, or one of somebody else, matches nothing."""
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return Expected(None)
    tags = (_TAG.fullmatch(one.strip()) for one in if_match.split(","))
    return Expected(frozenset(int(one[1]) for one in tags if one))


def _tag(details: AliasDetails) -> str:
    return f'"{details.alias.revision}"'


def _plan(
    context: Context, name: str, alias: str, wish: AliasWish, expected: Expected | None
) -> AliasPlan:
    with context.readers() as session:
        return plan_alias(session, name, alias, wish, expected)


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
