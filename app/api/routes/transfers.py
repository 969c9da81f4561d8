"""Transfers over HTTP: posted as JSON or with files, read, followed, paused, stopped."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from app.api import error_examples as examples
from app.api.dependencies import ContextDep, ReadSession, WriteSession
from app.api.errors import responses
from app.api.forms import FormParts, json_body, receive_form, spec_field
from app.api.idempotency import CreationDep, WriteRecord, created_response, request_digest
from app.api.openapi import json_or_multipart_body
from app.api.schemas.datasets import PartDatasetFields, dataset_details
from app.api.schemas.evaluations import EvaluationAnswer
from app.api.schemas.models import ModelFields, model_details
from app.api.schemas.records import ListAnswer, PageAnswer, PageCursor, PageLimit
from app.api.schemas.transfers import (
    AttemptAnswer,
    PriorityFields,
    TransferAnswer,
    TransferFields,
    TransferWithFilesFields,
    transfer_request,
    turn,
)
from app.api.transfer_events import TransferFeed
from app.artifacts.archive import is_archive
from app.domain.enums import INPUT_ROLES, SOURCE_ROLES, DatasetKind, Role, kind_by_role
from app.domain.errors.requests import PartMissing, PartReferred
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.services.artifacts import Upload
from app.services.context import Context
from app.services.datasets import DatasetDetails
from app.services.evaluations import read_split
from app.services.models import ModelDetails, find_model
from app.services.transfers.request import (
    TransferFiles,
    check_transfer,
    check_transfer_with_files,
    find_transfer,
    queue_transfer,
    start_transfer_with_files,
)
from app.store import evaluations, job_queue, transfers

router = APIRouter(prefix="/v1/transfers", tags=["transfers"])
_EXAMPLE = {
    "model": "intents",
    "language": "de",
    "method": "fine-tune",
    "datasets": {"train": "dst_1c0f5a7d2b9e4c36"},
    "parameters": {"strategy": "lp-ft"},
}


@dataclass(frozen=True)
class PostedTransfer:
    """A transfer of registered records; `digest` is the same for equal requests."""

    fields: TransferFields
    digest: str


@dataclass(frozen=True)
class PostedTransferWithFiles:
    """A transfer that came with its files; `digest` as above, the files' bytes included."""

    fields: TransferWithFilesFields
    form: FormParts
    digest: str


async def receive_transfer(
    request: Request, context: ContextDep
) -> AsyncIterator[PostedTransfer | PostedTransferWithFiles]:
    """Whichever of the two was sent; a form's files are gone after the route has ended."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        yield await run_in_threadpool(_read_json, await request.body())
        return
    async with asynccontextmanager(receive_form)(request, context) as form:
        yield await run_in_threadpool(_read_form, form)


def _read_json(body: bytes) -> PostedTransfer:
    fields = json_body(body, TransferFields)
    return PostedTransfer(fields, request_digest(fields))


def _read_form(form: FormParts) -> PostedTransferWithFiles:
    fields = spec_field(form, TransferWithFilesFields)
    return PostedTransferWithFiles(fields, form, request_digest(fields, form))


PostedTransferDep = Annotated[
    PostedTransfer | PostedTransferWithFiles, Depends(receive_transfer, scope="function")
]


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
    posted: PostedTransferDep,
    context: ContextDep,
    creation: CreationDep,
) -> Response:
    """Start a transfer, of registered records or with all its files in one request.

    Everything that can be checked before training is checked before this answers. With files,
    either all of them are registered and the transfer queued, or nothing is.
    """

    def start() -> WriteRecord:
        queue = _check(posted, context)
        return lambda session: answered(queue(session))

    def answered(transfer: Transfer) -> Response:
        return created_response(TransferAnswer, transfer, f"/v1/transfers/{transfer.id}", 202)

    return creation.answer(start, posted.digest)


@router.get(
    "",
    response_model=PageAnswer[TransferAnswer],
    responses=responses(examples.NO_MODEL, examples.BAD_CURSOR, examples.BAD_REQUEST),
)
def list_transfers(
    session: ReadSession,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
    state: JobState | None = None,
    model: str | None = None,
) -> Any:
    """List transfers, newest first; `model` finds those that start from it or made it."""
    model_id = find_model(session, model).id if model is not None else None
    return transfers.page(session, limit, cursor, state=state, model_id=model_id)


@router.get("/{transfer}", response_model=TransferAnswer, responses=responses(examples.NO_TRANSFER))
def get_transfer(transfer: str, session: ReadSession) -> Any:
    """Read one transfer: its state, its progress, its result or failure."""
    return find_transfer(session, transfer)


@router.get(
    "/{transfer}/attempts",
    response_model=ListAnswer[AttemptAnswer],
    responses=responses(examples.NO_TRANSFER),
)
def get_attempts(transfer: str, session: ReadSession) -> Any:
    """Read which worker ran the transfer when, and how each attempt ended."""
    return {"items": job_queue.attempts_of(session, find_transfer(session, transfer).id)}


@router.get(
    "/{transfer}/evaluations",
    response_model=ListAnswer[EvaluationAnswer],
    responses=responses(examples.NO_TRANSFER),
)
def get_evaluations(transfer: str, session: ReadSession) -> Any:
    """Read how good the new model is, beside its baselines, on the same held-out rows."""
    return {"items": evaluations.of_transfer(session, find_transfer(session, transfer).id)}


@router.get(
    "/{transfer}/split",
    response_model=dict[str, Any],
    responses=responses(examples.NO_TRANSFER, examples.NO_SPLIT, examples.BYTES_LOST),
)
def get_split(transfer: str, context: ContextDep) -> Any:
    """Read which rows of which dataset it was trained, validated and tested on."""
    with context.readers() as session:
        found = find_transfer(session, transfer)
    return read_split(context, found)


# Found before the stream begins: afterwards no status can be sent any more.
ExistingTransferDep = Annotated[Transfer, Depends(get_transfer, scope="function")]


@router.get(
    "/{transfer}/events",
    response_class=EventSourceResponse,
    responses=responses(examples.NO_TRANSFER, examples.BAD_REQUEST),
)
async def get_events(
    existing: ExistingTransferDep,
    request: Request,
    last_event_id: Annotated[
        int, Header(ge=0, description="Only what came after this event; browsers send it.")
    ] = 0,
) -> AsyncIterable[ServerSentEvent]:
    """Follow a transfer as server-sent events until it ends; pings keep it open."""
    feed: TransferFeed = request.app.state.feed
    async for event in feed.follow(existing.id, last_event_id):
        yield event


@router.post(
    "/{transfer}/cancel",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER),
)
def post_cancel(transfer: str, session: WriteSession) -> Any:
    """Cancel a transfer; one that has already ended stays as it is."""
    return transfers.cancel(session, transfer)


@router.post(
    "/{transfer}/pause",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER, examples.ACTION_NOT_ALLOWED),
)
def post_pause(transfer: str, session: WriteSession) -> Any:
    """Pause a transfer: a running one saves its state and stops; that costs no attempt."""
    return transfers.pause(session, transfer)


@router.post(
    "/{transfer}/resume",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER, examples.ACTION_NOT_ALLOWED),
)
def post_resume(transfer: str, session: WriteSession) -> Any:
    """Queue a paused transfer again; it resumes from the state that it saved."""
    return transfers.resume(session, transfer)


@router.post(
    "/{transfer}/retry",
    status_code=202,
    response_model=TransferAnswer,
    responses=responses(
        examples.NO_TRANSFER, examples.ACTION_NOT_ALLOWED, examples.INPUTS_GONE, examples.KEY_REUSED
    ),
)
def post_retry(transfer: str, creation: CreationDep) -> Response:
    """Try a failed or cancelled transfer again, from the beginning; its history is kept."""

    def retry(session: Session) -> Response:
        queued = transfers.retry(session, transfer)
        return created_response(TransferAnswer, queued, f"/v1/transfers/{transfer}", 202)

    return creation.answer(lambda: retry)


@router.patch(
    "/{transfer}",
    response_model=TransferAnswer,
    responses=responses(examples.NO_TRANSFER, examples.ACTION_NOT_ALLOWED, examples.BAD_REQUEST),
)
def patch_transfer(transfer: str, fields: PriorityFields, session: WriteSession) -> Any:
    """Give a transfer that has not ended another priority."""
    return transfers.set_priority(session, transfer, fields.priority)


def _check(
    posted: PostedTransfer | PostedTransferWithFiles, context: Context
) -> Callable[[Session], Transfer]:
    """What queues the transfer, after everything was read and checked."""
    request, when = transfer_request(posted.fields), turn(posted.fields)
    if isinstance(posted, PostedTransfer):
        fields = posted.fields
        spec = check_transfer(context, fields.model, fields.datasets, request)
        return lambda session: queue_transfer(session, spec, when)
    files = transfer_files(posted.form, posted.fields, context)
    checked = check_transfer_with_files(context, files, request)
    return lambda session: start_transfer_with_files(context, session, checked, when)


def transfer_files(
    form: FormParts, fields: TransferWithFilesFields, context: Context
) -> TransferFiles:
    """The uploads and references of a form.

    Raises `PartMissing`, `PartUnknown` and `PartReferred` where parts and specification differ.
    """
    form.allow({"spec", "model", *Role})
    _check_files(form)
    model, source_language = _source_model(form, fields, context)
    uploads: dict[Role, tuple[Upload, DatasetDetails]] = {}
    references: dict[Role, str] = {}
    for role in Role:
        entry = fields.datasets.get(role)
        if isinstance(entry, str):
            references[role] = _reference(form, role, entry)
        elif role in form.files or entry is not None:
            dataset = entry or PartDatasetFields()
            default = source_language if role in SOURCE_ROLES else fields.language
            language, upload = dataset.language or default, form.file(role)
            details = dataset_details(dataset, language, _kind_of_upload(role, upload))
            uploads[role] = (upload, details)
    return TransferFiles(model, uploads, references)


def _check_files(form: FormParts) -> None:
    """Raise `PartMissing` for a model or a dataset that came as a text."""
    for name in sorted(form.fields.keys() - {"spec"}):
        example = (
            '"model": "intents"' if name == "model" else f'"datasets": {{"{name}": "dst_..."}}'
        )
        instead = f" What is registered already is named in `spec`: `{example}`."
        raise PartMissing(name, sorted(form.fields | form.files), True, instead)


def _kind_of_upload(role: Role, upload: Upload) -> DatasetKind | None:
    """An archive for a role of plain inputs holds images."""
    images = role in INPUT_ROLES and is_archive(upload.path)
    return None if images else kind_by_role(role)


def _source_model(
    form: FormParts, fields: TransferWithFilesFields, context: Context
) -> tuple[tuple[Upload, ModelDetails] | str, str]:
    """The model, and the language that source datasets are in unless they say otherwise."""
    if isinstance(fields.model, ModelFields):
        return (form.file("model"), model_details(fields.model)), fields.model.language
    reference = _reference(form, "model", fields.model)
    with context.readers() as session:
        return reference, find_model(session, reference).languages[0]


def _reference(form: FormParts, part: str, reference: str) -> str:
    if part in form.files:
        raise PartReferred(part, reference)
    return reference
