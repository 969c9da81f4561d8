"""The digest by which a request that is sent again is known as the same."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel

from app.api.multipart import FormParts


def request_digest(fields: BaseModel, form: FormParts | None = None) -> str:
    """SHA-256 over the fields, defaults filled in, and over the names and bytes of the files."""
    files = form.files if form is not None else {}
    sent = sorted((name, upload.filename, upload.sha256) for name, upload in files.items())
    return hashlib.sha256((fields.model_dump_json() + repr(sent)).encode()).hexdigest()
