"""Receiving a multipart form: streamed to the data disk, never beyond the limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.api.deps import TheContext
from app.api.multipart import FormParts, FormWriter
from app.domain.errors.uploads import UploadMalformed, UploadTooLarge

_CHUNK = 1024 * 1024


async def receive_form(request: Request, context: TheContext) -> AsyncIterator[FormParts]:
    """The form's fields, and its files in a workspace that is gone after the route has ended.

    Raises `UploadTooLarge` as soon as the limit is passed, and `UploadMalformed`.
    """
    limit = context.settings.max_upload_bytes
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise UploadTooLarge(limit)
    with context.artifacts.workspace() as folder:
        writer = FormWriter(folder, _boundary(request))
        try:
            await _receive(request, writer, limit)
            form = await run_in_threadpool(writer.finish)
        except FormParserError as error:
            raise UploadMalformed(str(error)) from error
        finally:
            writer.close()
        yield form


Form = Annotated[FormParts, Depends(receive_form, scope="function")]


async def _receive(request: Request, writer: FormWriter, limit: int) -> None:
    # Chunks are gathered, because each hop into a thread costs as much as writing a small one.
    total, waiting = 0, bytearray()
    async for chunk in request.stream():
        total += len(chunk)
        if total > limit:
            raise UploadTooLarge(limit)
        waiting += chunk
        if len(waiting) >= _CHUNK:
            await run_in_threadpool(writer.write, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(writer.write, bytes(waiting))


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise UploadMalformed("the request is not multipart/form-data")
    return options[b"boundary"]
