"""How the API's description shows a multipart form, which routes receive by their own means."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_SCHEMAS = "#/components/schemas/{model}"


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
