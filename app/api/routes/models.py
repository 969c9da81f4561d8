"""Models over HTTP, with their downloads, their lineage and the drift of their traffic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse

from app.api import error_examples as examples
from app.api.dependencies import ContextDep, DataPlaneDep, ReadSession
from app.api.errors import problem_response, responses
from app.api.forms import FormDep, form_fields
from app.api.idempotency import CreationDep, WriteRecord, created_response, request_digest
from app.api.openapi import multipart_body
from app.api.schemas.models import (
    AncestorAnswer,
    DriftAnswer,
    ModelAnswer,
    ModelFields,
    model_details,
)
from app.api.schemas.records import ListAnswer, PageAnswer, PageCursor, PageLimit
from app.domain.enums import ModelStatus
from app.domain.errors.requests import RequestInvalid
from app.domain.models import Model
from app.services.artifacts import drop_unused
from app.services.models import (
    artifact_of,
    delete_exports,
    delete_model,
    export_onnx,
    export_sentence_transformers,
    find_model,
    lineage,
    register_model,
)
from app.services.traffic import compute_drift
from app.store import models

_LANGUAGE_WITHOUT_FORMAT = {
    "field": "query.language",
    "message": "`language` is only for `format=sentence-transformers`.",
    "advice": "Leave `language` out, or add `format=sentence-transformers`.",
}
router = APIRouter(prefix="/v1/models", tags=["models"])
REFERENCE = "An id, a name (its newest version), name@version or name@alias."
Reference = Annotated[str, Path(description=REFERENCE)]
Days = Annotated[int, Query(ge=0, le=3650, description="Days before today; 0 is today alone.")]


@router.post(
    "",
    status_code=201,
    response_model=ModelAnswer,
    responses=responses(
        examples.KEY_REUSED,
        examples.UPLOAD_TOO_LARGE,
        examples.MODEL_REJECTED,
        examples.UPLOAD_MALFORMED,
        examples.PART_MISSING,
        examples.BAD_LANGUAGE,
        examples.BAD_REQUEST,
        examples.NO_SPACE,
    ),
    openapi_extra=multipart_body("ModelForm", "What the user says of the model, and its file."),
)
def post_model(form: FormDep, context: ContextDep, creation: CreationDep) -> Response:
    """Register a model from its file.

    The file is read in a process of its own before this answers. One that cannot become a model
    is recorded as `rejected`, without its bytes, and the answer is a 422 with the reason.
    """
    fields = form_fields(form, ModelFields)
    upload, details = form.file("file"), model_details(fields)

    def register() -> WriteRecord:
        record = register_model(context, upload, details)
        return lambda session: answered(record(session))

    def answered(model: Model) -> Response:
        if model.rejection is not None:
            return problem_response(model.rejection, 422, model.id)
        return created_response(ModelAnswer, model, f"/v1/models/{model.id}")

    return creation.answer(register, request_digest(fields, form))


@router.get(
    "",
    response_model=PageAnswer[ModelAnswer],
    responses=responses(examples.BAD_CURSOR, examples.BAD_REQUEST),
)
def list_models(
    session: ReadSession,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
    name: str | None = None,
    status: ModelStatus | None = None,
) -> Any:
    """List models, newest first."""
    return models.page(session, limit, cursor, name=name, status=status)


@router.get("/{model}", response_model=ModelAnswer, responses=responses(examples.NO_MODEL))
def get_model(model: Reference, session: ReadSession) -> Any:
    """Read one model."""
    return find_model(session, model)


@router.delete(
    "/{model}",
    status_code=204,
    responses=responses(
        examples.NO_MODEL,
        examples.MODEL_NEEDED,
        examples.MODEL_NEEDED_BY_ALIAS,
        examples.MODEL_NEEDED_BY_BATCH,
    ),
)
def delete_one_model(model: Reference, context: ContextDep, dataplane: DataPlaneDep) -> None:
    """Delete a model that no unfinished job uses and no alias points to."""
    with context.sessions.begin() as session:
        digests = delete_model(session, find_model(session, model))
    dataplane.forget()
    for digest in digests:
        if drop_unused(context, digest):
            delete_exports(context, digest)


@router.get(
    "/{model}/artifact",
    response_class=FileResponse,
    responses=responses(
        examples.NO_MODEL,
        examples.NO_ARTIFACT,
        examples.NO_EXPORT,
        examples.NO_MODULES,
        examples.NO_SHIFT,
        examples.EXPORT_FAILED,
        examples.EXPORT_BUSY,
        examples.BAD_REQUEST,
        examples.BYTES_LOST,
    )
    | {200: {"content": {"application/octet-stream": {}}, "description": "The file."}},
)
def get_artifact(
    model: Reference,
    context: ContextDep,
    form: Annotated[
        Literal["onnx", "sentence-transformers"] | None,
        Query(
            alias="format",
            description="`onnx`: a zip of one graph with everything inside (the choice of "
            "language, shift, encoder, map and head), the tokenizer and a README with code. "
            "`sentence-transformers`: a zip of plain modules whose vectors are the logits, every "
            "text taken to be of one `language`; its README says what that costs. Left out: the "
            "file itself.",
        ),
    ] = None,
    language: Annotated[
        str | None,
        Query(
            pattern=r"^[A-Za-z0-9_-]{1,60}$",
            description="With `format=sentence-transformers`: the language that every text is "
            "taken to be of, one of those that the model shifts. Left out where it shifts none.",
        ),
    ] = None,
) -> FileResponse:
    """Download the model's file: as it was uploaded, or as a transfer wrote it.

    Another `format` of a text classifier is made at the first call, which takes up to minutes.
    """
    if language is not None and form != "sentence-transformers":
        raise RequestInvalid([_LANGUAGE_WITHOUT_FORMAT])
    with context.readers() as session:
        found = find_model(session, model)
    if form == "sentence-transformers":
        path, filename = export_sentence_transformers(context, found, language)
    else:
        path, filename = (
            artifact_of(context, found) if form is None else export_onnx(context, found)
        )
    return FileResponse(path, filename=filename, media_type="application/octet-stream")


@router.get(
    "/{model}/lineage",
    response_model=ListAnswer[AncestorAnswer],
    responses=responses(examples.NO_MODEL),
)
def get_lineage(model: Reference, session: ReadSession) -> Any:
    """Read where the model came from: its ancestors, the nearest first."""
    return {"items": lineage(session, find_model(session, model))}


@router.get(
    "/{model}/drift",
    response_model=DriftAnswer,
    responses=responses(examples.NO_MODEL, examples.BAD_REQUEST, examples.BYTES_LOST),
)
def get_drift(model: Reference, context: ContextDep, days: Days = 7) -> Any:
    """Compare live traffic with the rows that the model was evaluated on.

    Languages, confidence, labels and lengths of a sample of the answered inputs: a difference
    says that the evaluation's scores may not hold any more, and that it is time to look.
    """
    return compute_drift(context, model, days)
