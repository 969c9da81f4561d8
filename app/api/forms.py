"""Receiving a multipart form: streamed to the data disk, never beyond the limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.api.deps import TheContext
from app.api.multipart import FormParts, FormWriter
from app.artifacts.room import Room
from app.domain.errors.uploads import UploadMalformed, UploadTooLarge

_CHUNK = 1024 * 1024


async def receive_form(request: Request, context: TheContext) -> AsyncIterator[FormParts]:
    """The form's fields, and its files in a workspace that is gone after the route has ended.

    Raises `UploadTooLarge` and `DiskFull` before the first byte is read where the length is
    told, else as soon as it is passed; and `UploadMalformed`. All that may wait for the disk, or
    for a lock on it, does so in threads.
    """
    limit, length = context.settings.max_upload_bytes, _length(request)
    if length > limit:
        raise UploadTooLarge(limit)
    room = Room(context.artifacts.temporary, context.settings.min_free_bytes)
    await run_in_threadpool(room.require, length)
    async with contextmanager_in_threadpool(context.artifacts.workspace()) as folder:
        writer = FormWriter(folder, _boundary(request))
        try:
            await _receive(request, writer, limit, room)
            form = await run_in_threadpool(writer.finish)
        except FormParserError as error:
            raise UploadMalformed(str(error)) from error
        finally:
            await run_in_threadpool(writer.close)
        yield form


Form = Annotated[FormParts, Depends(receive_form, scope="function")]


async def _receive(request: Request, writer: FormWriter, limit: int, room: Room) -> None:
    # Chunks are gathered, because each hop into a thread costs as much as writing a small one.
    total, waiting = 0, bytearray()
    async for chunk in request.stream():
        total += len(chunk)
        if total > limit:
            raise UploadTooLarge(limit)
        waiting += chunk
        if len(waiting) >= _CHUNK:
            await run_in_threadpool(_write, writer, room, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(writer.write, bytes(waiting))


def _write(writer: FormWriter, room: Room, chunk: bytes) -> None:
    room.require(len(chunk))
    writer.write(chunk)


def _length(request: Request) -> int:
    """Of the body as its header tells it; 0 where it does not."""
    told = request.headers.get("content-length", "0")
    return int(told) if told.isdigit() else 0


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise UploadMalformed("the request is not multipart/form-data")
    return options[b"boundary"]
