"""The text fields of a form, validated by the same schemas as JSON bodies."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.api.multipart import FormParts
from app.domain.errors.uploads import PartMissing

Fields = TypeVar("Fields", bound=BaseModel)

# curl sends what it reads from a file as a file part; a specification is never longer than this.
_MAX_SPEC_BYTES = 1024 * 1024


class FieldsInvalid(RequestValidationError):
    """FastAPI's own validation error, with the schema that the fields do not fit."""

    def __init__(self, error: ValidationError, schema: type[BaseModel]) -> None:
        super().__init__([found | {"loc": ("body", *found["loc"])} for found in error.errors()])
        self.schema = schema


def form_fields(form: FormParts, schema: type[Fields]) -> Fields:
    """The fields of a form by `schema`; lists and objects are written as JSON in their field.

    Raises `FieldsInvalid`, `PartUnknown`.
    """
    form.allow({"file"} | set(schema.model_fields))
    texts = {name: text for name, text in form.fields.items() if name != "file"}
    return _validate(schema, {name: _value(text) for name, text in texts.items()})


def spec_field(form: FormParts, schema: type[Fields]) -> Fields:
    """The JSON of the part `spec`, a text field or a file, by `schema`; or `PartMissing`."""
    text = form.fields.get("spec")
    if text is None and "spec" in form.files:
        with form.files["spec"].path.open("rb") as file:
            text = file.read(_MAX_SPEC_BYTES).decode("utf-8", errors="replace")
    if text is None:
        raise PartMissing("spec", sorted(form.fields | form.files))
    return json_body(text, schema)


def json_body(text: str | bytes, schema: type[Fields]) -> Fields:
    """A JSON text by `schema`."""
    try:
        return schema.model_validate_json(text)
    except ValidationError as error:
        raise FieldsInvalid(error, schema) from None


def _validate(schema: type[Fields], values: dict[str, Any]) -> Fields:
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise FieldsInvalid(error, schema) from None


def _value(text: str) -> Any:
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # the schema then says what it wanted instead
