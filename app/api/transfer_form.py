"""A posted transfer, as JSON or as a form with its files, made ready for the use cases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from app.api.deps import TheContext
from app.api.form_fields import json_body, spec_field
from app.api.forms import receive_form
from app.api.multipart import FormParts
from app.api.request_digest import request_digest
from app.api.schemas.transfers import TransferFields, TransferWithFilesFields


@dataclass(frozen=True)
class PostedRecords:
    """A transfer of registered records; `digest` is the same for requests that ask the same."""

    fields: TransferFields
    digest: str


@dataclass(frozen=True)
class PostedFiles:
    """A transfer that came with its files; `digest` as above, the files' bytes included."""

    fields: TransferWithFilesFields
    form: FormParts
    digest: str


async def receive_transfer(
    request: Request, context: TheContext
) -> AsyncIterator[PostedRecords | PostedFiles]:
    """Whichever of the two was sent; a form's files are gone after the route has ended."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        yield await run_in_threadpool(_records, await request.body())
        return
    async with asynccontextmanager(receive_form)(request, context) as form:
        yield await run_in_threadpool(_files, form)


def _records(body: bytes) -> PostedRecords:
    fields = json_body(body, TransferFields)
    return PostedRecords(fields, request_digest(fields))


def _files(form: FormParts) -> PostedFiles:
    fields = spec_field(form, TransferWithFilesFields)
    return PostedFiles(fields, form, request_digest(fields, form))


Posted = Annotated[PostedRecords | PostedFiles, Depends(receive_transfer, scope="function")]
