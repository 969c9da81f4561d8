"""How the API's description shows a multipart form, which routes receive by their own means."""

from __future__ import annotations

from typing import Any


def multipart_body(schema: str, **files: str) -> dict[str, Any]:
    """The request body of a route: the fields of a component `schema`, and `files` beside them."""
    parts = {
        name: {"type": "string", "format": "binary", "description": description}
        for name, description in files.items()
    }
    form = {
        "allOf": [
            {"$ref": f"#/components/schemas/{schema}"},
            {"type": "object", "properties": parts, "required": ["file"]},
        ]
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


def json_or_multipart_body(
    json_schema: str, spec_schema: str, example: dict[str, Any], **files: str
) -> dict[str, Any]:
    """The request body of a route that takes JSON, or a form with a JSON `spec` and `files`."""
    parts: dict[str, Any] = {
        name: {"type": "string", "format": "binary", "description": description}
        for name, description in files.items()
    }
    parts["spec"] = {"$ref": f"#/components/schemas/{spec_schema}"}
    form = {"type": "object", "properties": parts, "required": ["spec"]}
    content = {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{json_schema}"},
            "example": example,
        },
        "multipart/form-data": {
            "schema": form,
            "encoding": {"spec": {"contentType": "application/json"}},
        },
    }
    return {"requestBody": {"required": True, "content": content}}
