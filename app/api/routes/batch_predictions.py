"""Batch predictions over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from sqlalchemy.orm import Session

from app.api import error_examples as examples
from app.api.dependencies import ContextDep, ReadSession, WriteSession
from app.api.errors import responses
from app.api.idempotency import CreationDep, created_response, request_digest
from app.api.schemas.batch_predictions import BatchPredictionAnswer, BatchPredictionFields
from app.api.schemas.records import PageAnswer, PageCursor, PageLimit
from app.domain.jobs import JobState
from app.services.artifacts import drop_unused
from app.services.batch_predictions import (
    ResultsFormat,
    delete_batch_prediction,
    export_results,
    find_batch_prediction,
    results_file,
    start_batch_prediction,
)
from app.services.models import find_model
from app.store import batch_predictions

router = APIRouter(prefix="/v1/batch-predictions", tags=["batch-predictions"])
_MEDIA_TYPES = {
    ResultsFormat.PARQUET: "application/vnd.apache.parquet",
    ResultsFormat.CSV: "text/csv; charset=utf-8",
    ResultsFormat.JSONL: "application/x-ndjson",
}


@router.post(
    "",
    status_code=202,
    response_model=BatchPredictionAnswer,
    responses=responses(
        examples.NO_MODEL,
        examples.NO_DATASET,
        examples.CANNOT_PREDICT,
        examples.PREDICTION_INPUTS_GONE,
        examples.KEY_REUSED,
        examples.ROWS_UNFIT,
        examples.WINDOW_UNUSABLE,
        examples.RECORD_REJECTED,
        examples.BAD_REQUEST,
    ),
)
def post_batch_prediction(
    fields: BatchPredictionFields, context: ContextDep, creation: CreationDep
) -> Response:
    """Predict every row of a dataset with a model; a worker does it in the background.

    What does not fit (texts for a model of images, pairs, images of another shape) is refused.
    """

    def start(session: Session) -> Response:
        window = None if fields.window is None else fields.window.as_window()
        batch = start_batch_prediction(
            context, session, fields.model, fields.dataset, fields.name, window
        )
        address = f"/v1/batch-predictions/{batch.id}"
        return created_response(BatchPredictionAnswer, batch, address, 202)

    return creation.answer(lambda: start, request_digest(fields))


@router.get(
    "",
    response_model=PageAnswer[BatchPredictionAnswer],
    responses=responses(examples.NO_MODEL, examples.BAD_CURSOR, examples.BAD_REQUEST),
)
def list_batch_predictions(
    session: ReadSession,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
    state: JobState | None = None,
    model: str | None = None,
) -> Any:
    """List batch predictions, newest first, of one state and one model where they are given."""
    model_id = find_model(session, model).id if model is not None else None
    return batch_predictions.page(session, limit, cursor, state=state, model_id=model_id)


@router.get(
    "/{batch}", response_model=BatchPredictionAnswer, responses=responses(examples.NO_BATCH)
)
def get_batch_prediction(batch: str, session: ReadSession) -> Any:
    """Read one: its state, the rows done, its failure."""
    return find_batch_prediction(session, batch)


@router.post(
    "/{batch}/cancel",
    status_code=202,
    response_model=BatchPredictionAnswer,
    responses=responses(examples.NO_BATCH),
)
def post_cancel_batch_prediction(batch: str, session: WriteSession) -> Any:
    """Cancel one; it has no results then. One that has already ended stays as it is."""
    return batch_predictions.cancel(session, batch)


@router.delete(
    "/{batch}", status_code=204, responses=responses(examples.NO_BATCH, examples.BATCH_NOT_OVER)
)
def delete_one_batch_prediction(batch: str, context: ContextDep) -> None:
    """Delete one that is over, with its results."""
    with context.sessions.begin() as session:
        digest = delete_batch_prediction(session, batch)
    if digest is not None:
        drop_unused(context, digest)


@router.get(
    "/{batch}/results",
    response_class=Response,
    responses=responses(
        examples.NO_BATCH, examples.NO_RESULTS, examples.BAD_REQUEST, examples.BYTES_LOST
    )
    | {
        200: {
            "content": {kind.partition(";")[0]: {} for kind in _MEDIA_TYPES.values()},
            "description": "The file.",
        }
    },
)
def get_results(
    batch: str,
    context: ContextDep,
    format: ResultsFormat = ResultsFormat.PARQUET,
    exact: Annotated[
        bool,
        Query(
            description="In CSV, texts that a spreadsheet would take for a formula get an "
            "apostrophe before them, unless this is true."
        ),
    ] = False,
) -> Response:
    """Download the results of one that succeeded: all rows, in the order of the dataset."""
    with context.readers() as session:
        found = find_batch_prediction(session, batch)
    file, name = results_file(context, found), f"{found.name or found.id}.{format}"
    if format is ResultsFormat.PARQUET:
        return FileResponse(file, filename=name, media_type=_MEDIA_TYPES[format])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    chunks = export_results(file, format, exact)
    return StreamingResponse(chunks, headers=headers, media_type=_MEDIA_TYPES[format])
