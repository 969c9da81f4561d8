"""Transfers over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from app.api import error_examples as examples
from app.api.created import created
from app.api.creation import Creating, Record
from app.api.deps import Cursor, Limit, Reading, TheContext
from app.api.errors import responses
from app.api.multipart_body import json_or_multipart_body
from app.api.schemas.evaluations import EvaluationAnswer
from app.api.schemas.pages import ListAnswer, PageAnswer
from app.api.schemas.transfers import AttemptAnswer, TransferAnswer
from app.api.transfer_details import transfer_files, transfer_request, turn
from app.api.transfer_feed import TransferFeed
from app.api.transfer_form import Posted, PostedFiles, PostedRecords
from app.domain.transfer_states import TransferState
from app.domain.transfers import Transfer
from app.services.context import Context
from app.services.evaluations import read_split
from app.services.models import find_model
from app.services.transfer_with_files import check_transfer_with_files, start_transfer_with_files
from app.services.transfers import check_transfer, find_transfer, queue
from app.store import attempts, evaluations, transfers

router = APIRouter(prefix="/v1/transfers", tags=["transfers"])
_EXAMPLE = {
    "model": "intents",
    "language": "de",
    "method": "fine-tune",
    "datasets": {"train": "dst_1c0f5a7d2b9e4c36"},
    "parameters": {"strategy": "lp-ft"},
}


@router.post(
    "",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(
        examples.NO_MODEL,
        examples.NO_DATASET,
        examples.NO_METHOD,
        examples.INPUTS_GONE,
        examples.KEY_REUSED,
        examples.UPLOAD_TOO_LARGE,
        examples.PARAMETERS_INVALID,
        examples.ROLES_INVALID,
        examples.KIND_UNFIT,
        examples.TOO_FEW_ROWS,
        examples.RECORD_REJECTED,
        examples.MODEL_REJECTED,
        examples.DATASET_REJECTED,
        examples.UPLOAD_MALFORMED,
        examples.BAD_LANGUAGE,
        examples.BAD_REQUEST,
        examples.BYTES_LOST,
        examples.NO_SPACE,
    ),
    openapi_extra=json_or_multipart_body("TransferFields", "TransferForm", _EXAMPLE),
)
def post_transfer(
    posted: Posted,
    context: TheContext,
    creation: Creating,
) -> Response:
    """Start a transfer, of registered records or with all its files in one request.

    Everything that can be checked before training is checked before this answers. With files,
    either all of them are registered and the transfer queued, or nothing is.
    """

    def start() -> Record:
        queue_it = _checked(posted, context)
        return lambda session: answered(queue_it(session))

    def answered(transfer: Transfer) -> Response:
        return created(TransferAnswer, transfer, f"/v1/transfers/{transfer.id}", 202)

    return creation.answer(start, posted.digest)


@router.get(
    "",
    response_model=PageAnswer[TransferAnswer],
    responses=responses(examples.NO_MODEL, examples.BAD_CURSOR, examples.BAD_REQUEST),
)
def list_transfers(
    session: Reading,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: TransferState | None = None,
    model: str | None = None,
) -> Any:
    """List transfers, newest first; `model` finds those that start from it or made it."""
    model_id = find_model(session, model).id if model is not None else None
    return transfers.page(session, limit, cursor, state=state, model_id=model_id)


@router.get("/{transfer}", response_model=TransferAnswer, responses=responses(examples.NO_TRANSFER))
def get_transfer(transfer: str, session: Reading) -> Any:
    """Read one transfer: its state, its progress, its result or failure."""
    return find_transfer(session, transfer)


@router.get(
    "/{transfer}/attempts",
    response_model=ListAnswer[AttemptAnswer],
    responses=responses(examples.NO_TRANSFER),
)
def get_attempts(transfer: str, session: Reading) -> Any:
    """Read who tried the transfer when, and how each attempt ended."""
    return {"items": attempts.of_transfer(session, find_transfer(session, transfer).id)}


@router.get(
    "/{transfer}/evaluations",
    response_model=ListAnswer[EvaluationAnswer],
    responses=responses(examples.NO_TRANSFER),
)
def get_evaluations(transfer: str, session: Reading) -> Any:
    """Read how good the new model is, beside its baselines, on the same held-out rows."""
    return {"items": evaluations.of_transfer(session, find_transfer(session, transfer).id)}


@router.get(
    "/{transfer}/split",
    response_model=dict[str, Any],
    responses=responses(examples.NO_TRANSFER, examples.NO_SPLIT, examples.BYTES_LOST),
)
def get_split(transfer: str, context: TheContext) -> Any:
    """Read which rows of which dataset trained, validated and tested it."""
    with context.readers() as session:
        found = find_transfer(session, transfer)
    return read_split(context, found)


# Found before the stream begins: afterwards no status can be sent any more.
Existing = Annotated[Transfer, Depends(get_transfer, scope="function")]


@router.get(
    "/{transfer}/events",
    response_class=EventSourceResponse,
    responses=responses(examples.NO_TRANSFER, examples.BAD_REQUEST),
)
async def get_events(
    existing: Existing,
    request: Request,
    last_event_id: Annotated[
        int, Header(ge=0, description="Only what came after this event; browsers send it.")
    ] = 0,
) -> AsyncIterable[ServerSentEvent]:
    """Follow a transfer as server-sent events until it is over; silence is kept alive."""
    feed: TransferFeed = request.app.state.feed
    async for event in feed.follow(existing.id, last_event_id):
        yield event


def _checked(
    posted: PostedRecords | PostedFiles, context: Context
) -> Callable[[Session], Transfer]:
    """What queues the transfer, after everything was read and checked."""
    request, when = transfer_request(posted.fields), turn(posted.fields)
    if isinstance(posted, PostedRecords):
        fields = posted.fields
        spec = check_transfer(context, fields.model, fields.datasets, request)
        return lambda session: queue(session, spec, when)
    files = transfer_files(posted.form, posted.fields, context)
    checked = check_transfer_with_files(context, files, request)
    return lambda session: start_transfer_with_files(context, session, checked, when)
