"""Datasets over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.api import error_examples as examples
from app.api.dependencies import ContextDep, ReadSession
from app.api.errors import problem_response, responses
from app.api.forms import FormDep, form_fields
from app.api.idempotency import CreationDep, WriteRecord, created_response, request_digest
from app.api.openapi import multipart_body
from app.api.schemas.datasets import (
    DatasetAnswer,
    DatasetUnderModelAnswer,
    NewDatasetFields,
    RowsAnswer,
    dataset_details,
)
from app.api.schemas.records import PageAnswer, PageCursor, PageLimit, RowOffset
from app.domain.datasets import Dataset
from app.domain.enums import DatasetStatus
from app.services.artifacts import drop_unused
from app.services.datasets import (
    delete_dataset,
    find_dataset,
    preview_rows,
    register_dataset,
    tokenizer_fertility,
)
from app.services.models import find_model
from app.store import datasets

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])


@router.post(
    "",
    status_code=201,
    response_model=DatasetAnswer,
    responses=responses(
        examples.KEY_REUSED,
        examples.UPLOAD_TOO_LARGE,
        examples.DATASET_REJECTED,
        examples.UPLOAD_MALFORMED,
        examples.PART_MISSING,
        examples.BAD_LANGUAGE,
        examples.BAD_REQUEST,
        examples.NO_SPACE,
    ),
    openapi_extra=multipart_body("DatasetForm", "What the user says of the data, and its file."),
)
def post_dataset(form: FormDep, context: ContextDep, creation: CreationDep) -> Response:
    """Register a dataset from its file.

    The file is read in a process of its own before this answers. One that cannot become a
    dataset is recorded as `rejected`, without its bytes, and the answer is a 422 with the reason.
    """
    fields = form_fields(form, NewDatasetFields)
    upload, details = form.file("file"), dataset_details(fields, fields.language)

    def register() -> WriteRecord:
        record = register_dataset(context, upload, details)
        return lambda session: answered(record(session))

    def answered(dataset: Dataset) -> Response:
        if dataset.rejection is not None:
            return problem_response(dataset.rejection, 422, dataset.id)
        return created_response(DatasetAnswer, dataset, f"/v1/datasets/{dataset.id}")

    return creation.answer(register, request_digest(fields, form))


@router.get(
    "",
    response_model=PageAnswer[DatasetAnswer],
    responses=responses(examples.BAD_CURSOR, examples.BAD_REQUEST),
)
def list_datasets(
    session: ReadSession,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
    name: str | None = None,
    language: str | None = None,
    status: DatasetStatus | None = None,
) -> Any:
    """List datasets, newest first."""
    return datasets.page(session, limit, cursor, name=name, language=language, status=status)


@router.get(
    "/{dataset}",
    response_model=DatasetUnderModelAnswer,
    responses=responses(
        examples.NO_DATASET, examples.NO_MODEL, examples.RECORD_REJECTED, examples.BYTES_LOST
    ),
)
def get_dataset(
    dataset: str,
    context: ContextDep,
    model: Annotated[
        str | None, Query(description="Also cut the texts with this model's tokenizer.")
    ] = None,
) -> Any:
    """Read one dataset with its report."""
    with context.readers() as session:
        found = find_dataset(session, dataset)
        under = None if model is None else find_model(session, model)
    answer = DatasetUnderModelAnswer.model_validate(found)
    if under is not None:
        answer.token_fertility = tokenizer_fertility(context, found, under)
    return answer


@router.get(
    "/{dataset}/preview",
    response_model=RowsAnswer,
    responses=responses(
        examples.NO_DATASET, examples.RECORD_REJECTED, examples.BAD_REQUEST, examples.BYTES_LOST
    ),
)
def get_preview(
    dataset: str, context: ContextDep, offset: RowOffset = 0, limit: PageLimit = 20
) -> Any:
    """Read some rows of a dataset; images as base64 PNG."""
    with context.readers() as session:
        found = find_dataset(session, dataset)
    items, total = preview_rows(context, found, offset, limit)
    return RowsAnswer(items=items, offset=offset, total=total)


@router.delete(
    "/{dataset}", status_code=204, responses=responses(examples.NO_DATASET, examples.DATASET_NEEDED)
)
def delete_one_dataset(dataset: str, context: ContextDep) -> None:
    """Delete a dataset that no queued or running transfer reads."""
    with context.sessions.begin() as session:
        digest = delete_dataset(session, find_dataset(session, dataset))
    if digest is not None:
        drop_unused(context, digest)
