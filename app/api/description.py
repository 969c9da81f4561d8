"""The API's own description (OpenAPI), completed by what the framework cannot see."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.api.schemas.datasets import NewDatasetFields
from app.api.schemas.models import ModelFields
from app.api.schemas.problems import Problem
from app.api.schemas.transfers import TransferFields, TransferWithFilesFields

SUMMARY = "Carries a model you already have into a language you don't."
# Routes receive these by their own means, so the framework does not list them.
_RECEIVED = (Problem, ModelFields, NewDatasetFields, TransferFields, TransferWithFilesFields)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; errors of every route are problems, whatever the framework thinks."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=SUMMARY, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        _, definitions = models_json_schema(
            [(model, "validation") for model in _RECEIVED],
            ref_template="#/components/schemas/{model}",
        )
        schemas.update(definitions["$defs"])
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        _answer_validation_with_problems(document)
        app.openapi_schema = document
    return app.openapi_schema


def _answer_validation_with_problems(document: dict[str, Any]) -> None:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in document["paths"].values():
        for operation in path.values():
            if "422" in operation["responses"]:
                operation["responses"]["422"] = {
                    "description": "Unprocessable Content",
                    "content": content,
                }
