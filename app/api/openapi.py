"""The API's description (OpenAPI), completed by what the framework cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api import error_examples as examples
from app.api.errors import (
    InferenceError,
    Problem,
    add_inference_example,
    add_problem_example,
    framework_failure,
    status_of,
)
from app.api.schemas.datasets import NewDatasetFields
from app.api.schemas.models import ModelFields
from app.api.schemas.predictions import PredictionRequest
from app.api.schemas.transfers import TransferFields, TransferWithFilesFields
from app.domain.enums import Role
from app.domain.errors import BabelportError

SUMMARY = "Carries a model you already have into a language you don't."
# Routes receive these by their own means, so the framework does not list them.
_RECEIVED = (
    InferenceError,
    Problem,
    ModelFields,
    NewDatasetFields,
    PredictionRequest,
    TransferFields,
    TransferWithFilesFields,
)
_MODEL_FILE = "The model: an archive, .onnx or word vectors."
_DATA_FILE = (
    "Texts: CSV, TSV, JSON, JSONL, Excel, Parquet. Tagged words: CoNLL, JSONL, Parquet. Images: "
    "zip of class folders, NPZ, zip of IDX."
)
_TRANSFER_FILES = {"model": "The model's file."} | {
    role.value: f"The file of the {role.value} dataset." for role in Role
}
# Answered from memory; every other route asks the database.
_WITHOUT_DATABASE = ("/health", "/ready", "/metrics", "/v1/methods", "/v2/health")
_SCHEMAS = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; errors of every route are problems, whatever the framework thinks."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=SUMMARY, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        _, definitions = models_json_schema(
            [(model, "validation") for model in _RECEIVED],
            ref_template=_SCHEMAS,
        )
        schemas.update(definitions["$defs"])
        schemas["ModelForm"] = form_schema("ModelForm", ModelFields, _MODEL_FILE)
        schemas["DatasetForm"] = form_schema("DatasetForm", NewDatasetFields, _DATA_FILE)
        schemas["TransferForm"] = transfer_form_schema("TransferWithFilesFields", _TRANSFER_FILES)
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for path, operation in _operations(document):
            _add_common_errors(path, operation)
            _describe_streams(operation)
        app.openapi_schema = document
    return app.openapi_schema


def operation_id(route: APIRoute) -> str:
    """What generated clients call a route's function: its name here."""
    name = f"open_inference_{route.name}" if route.path.startswith("/v2") else route.name
    return f"{name}_of_version" if "{version}" in route.path else name


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            yield path, operation


def _add_common_errors(path: str, operation: dict[str, Any]) -> None:
    """What any route may answer that asks the database, or has a body or parameters."""
    answers = operation["responses"]
    if path.startswith("/v2"):
        if not path.startswith(_WITHOUT_DATABASE) and path != "/v2":
            add_inference_example(answers, examples.DATABASE_BUSY.as_dict(), "503")
        return
    if "422" in answers and "application/json" in answers["422"]["content"]:
        del answers["422"]  # the framework's own form, which is never sent
        _add(answers, examples.BAD_REQUEST)
    if not path.startswith(_WITHOUT_DATABASE):
        _add(answers, examples.DATABASE_BUSY)
        _add(answers, examples.DATABASE_UNREACHABLE)
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        failure = framework_failure(413, "The body is larger than 1048576 bytes.")
        add_problem_example(answers, failure, "413")
        # Where the framework reads the body; what is no JSON at all is a 422 like all else.
        failure = framework_failure(400, "There was an error parsing the body")
        add_problem_example(answers, failure, "400")


def _add(answers: dict[str, Any], error: BabelportError) -> None:
    add_problem_example(answers, error.as_dict(), str(status_of(error)))


def _describe_streams(operation: dict[str, Any]) -> None:
    """A stream is a text: the framework's `itemSchema` belongs to a later version of OpenAPI."""
    content = operation["responses"].get("200", {}).get("content", {})
    if "text/event-stream" in content:
        content["text/event-stream"] = {"schema": {"type": "string"}}


def multipart_body(name: str, file: str) -> dict[str, Any]:
    """The request body of a route: the form `name` of the components, with a part `file`."""
    schema = {"$ref": _SCHEMAS.format(model=name)}
    content = {"multipart/form-data": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content, "description": file}}


def json_or_multipart_body(json_schema: str, form: str, example: dict[str, Any]) -> dict[str, Any]:
    """The request body of a route that takes JSON, or the form `form` with a JSON part `spec`."""
    content = {
        "application/json": {
            "schema": {"$ref": _SCHEMAS.format(model=json_schema)},
            "example": example,
        },
        "multipart/form-data": {
            "schema": {"$ref": _SCHEMAS.format(model=form)},
            "encoding": {"spec": {"contentType": "application/json"}},
        },
    }
    return {"requestBody": {"required": True, "content": content}}


def form_schema(name: str, fields: type[BaseModel], file: str) -> dict[str, Any]:
    """The schema `name` of a form of `fields`, each a part, and of a part `file` beside them.

    All parts stand in one object: with `allOf`, objects that forbid additional properties would
    forbid each other's.
    """
    schema = fields.model_json_schema(ref_template=_SCHEMAS)
    schema.pop("$defs", None)
    part = {"type": "string", "format": "binary", "description": file}
    schema["properties"] = {"file": part} | schema["properties"]
    schema["required"] = ["file", *schema.get("required", ())]
    return schema | {"title": name}


def transfer_form_schema(spec: str, files: dict[str, str]) -> dict[str, Any]:
    """The schema of a form with the component `spec` in a part, and `files` by their roles."""
    parts: dict[str, Any] = {"spec": {"$ref": _SCHEMAS.format(model=spec)}}
    parts |= {
        name: {"type": "string", "format": "binary", "description": described}
        for name, described in files.items()
    }
    return {
        "type": "object",
        "description": "A transfer with its files.",
        "properties": parts,
        "required": ["spec"],
        "additionalProperties": False,
    }
