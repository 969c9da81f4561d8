"""What can be asked of a transfer over HTTP once it is there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from app.api import error_examples as examples
from app.api.created import created
from app.api.creation import Creating
from app.api.deps import Writing
from app.api.errors import responses
from app.api.schemas.transfers import PriorityFields, TransferAnswer
from app.store import steering

router = APIRouter(prefix="/v1/transfers", tags=["transfers"])


@router.post(
    "/{transfer}/cancel",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER),
)
def post_cancel(transfer: str, session: Writing) -> Any:
    """Ask a transfer to stop; one that is over already stays as it is."""
    return steering.cancel(session, transfer)


@router.post(
    "/{transfer}/pause",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER, examples.NOT_STEERABLE),
)
def post_pause(transfer: str, session: Writing) -> Any:
    """Let a transfer rest: what runs saves its state and stops; no attempt is lost by it."""
    return steering.pause(session, transfer)


@router.post(
    "/{transfer}/resume",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER, examples.NOT_STEERABLE),
)
def post_resume(transfer: str, session: Writing) -> Any:
    """Queue a paused transfer again; it goes on from the state that it saved."""
    return steering.resume(session, transfer)


@router.post(
    "/{transfer}/retry",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(
        examples.NO_TRANSFER, examples.NOT_STEERABLE, examples.INPUTS_GONE, examples.KEY_REUSED
    ),
)
def post_retry(transfer: str, creation: Creating) -> Response:
    """Try a failed or cancelled transfer again, from the beginning; its history is kept."""

    def retry(session: Session) -> Response:
        queued = steering.retry(session, transfer)
        return created(TransferAnswer, queued, f"/v1/transfers/{transfer}", 202)

    return creation.answer(lambda: retry)


@router.patch(
    "/{transfer}",
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER, examples.NOT_STEERABLE, examples.BAD_REQUEST),
)
def patch_transfer(transfer: str, fields: PriorityFields, session: Writing) -> Any:
    """Give a transfer that has not ended another priority."""
    return steering.set_priority(session, transfer, fields.priority)
