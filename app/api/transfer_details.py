"""From a posted transfer to what the use cases take."""

from __future__ import annotations

from app.api.details import dataset_details, model_details
from app.api.multipart import FormParts
from app.api.schemas.datasets import PartDatasetFields
from app.api.schemas.models import ModelFields
from app.api.schemas.transfers import RequestFields, TransferWithFilesFields
from app.artifacts.members import is_archive
from app.domain.enums import DatasetKind, Role
from app.domain.errors.uploads import PartMissing, PartReferred
from app.domain.roles import INPUT_ROLES, SOURCE_ROLES, kind_by_role
from app.domain.transfers import Sample, Turn
from app.services.context import Context
from app.services.datasets import DatasetDetails
from app.services.models import ModelDetails, find_model
from app.services.transfer_request import TransferRequest
from app.services.transfer_with_files import TransferFiles
from app.services.uploads import Upload


def transfer_request(fields: RequestFields) -> TransferRequest:
    """The part of a request that names no record."""
    values = {name: getattr(fields, name) for name in TransferRequest.__dataclass_fields__}
    sample = Sample(**fields.sample.model_dump()) if fields.sample else None
    return TransferRequest(**values | {"sample": sample})


def turn(fields: RequestFields) -> Turn:
    """When the transfer should start, beside others."""
    return Turn(fields.priority, fields.tenant)


def transfer_files(
    form: FormParts, fields: TransferWithFilesFields, context: Context
) -> TransferFiles:
    """The uploads and references of a form.

    Raises `PartMissing`, `PartUnknown` and `PartReferred` where parts and specification differ.
    """
    form.allow({"spec", "model", *Role})
    _check_files(form)
    model, source_language = _model(form, fields, context)
    uploads: dict[Role, tuple[Upload, DatasetDetails]] = {}
    references: dict[Role, str] = {}
    for role in Role:
        given = fields.datasets.get(role)
        if isinstance(given, str):
            references[role] = _reference(form, role, given)
        elif role in form.files or given is not None:
            said = given or PartDatasetFields()
            default = source_language if role in SOURCE_ROLES else fields.language
            upload = form.file(role)
            details = dataset_details(said, said.language or default, _kind(role, upload))
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


def _kind(role: Role, upload: Upload) -> DatasetKind | None:
    """An archive for a role of plain inputs holds images."""
    images = role in INPUT_ROLES and is_archive(upload.path)
    return None if images else kind_by_role(role)


def _model(
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
