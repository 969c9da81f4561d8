"""Multipart forms: streamed to the data disk within limits, their fields validated as JSON is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.api.dependencies import ContextDep
from app.artifacts.disk_space import DiskSpace
from app.domain.errors.requests import (
    PartMissing,
    PartUnknown,
    UploadEmpty,
    UploadMalformed,
    UploadTooLarge,
)
from app.services.artifacts import Upload, upload_at

_MAX_FIELD_BYTES = 1024 * 1024
_MAX_PARTS = 100
_CHUNK = 1024 * 1024
# curl sends what it reads from a file as a file part; a specification is never longer than this.
_MAX_SPEC_BYTES = 1024 * 1024
Fields = TypeVar("Fields", bound=BaseModel)


@dataclass
class FormParts:
    """A form that was received: text fields and uploaded files, by the names of their parts."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def file(self, name: str) -> Upload:
        """The file of this part; raises `PartMissing`."""
        if name not in self.files:
            raise PartMissing(name, sorted(self.fields | self.files), name in self.fields)
        return self.files[name]

    def allow(self, known: set[str]) -> None:
        """Raise `PartUnknown` for a part that the request does not know."""
        for name in sorted(set(self.fields | self.files) - known):
            raise PartUnknown(name, sorted(known))


class FormWriter:
    """Takes a form's bytes as they come; `write` and `finish` block, so call them in a thread."""

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self._folder = folder
        self._parts = 0
        self._fields: dict[str, bytearray] = {}
        self._files: dict[str, tuple[Path, str]] = {}
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._field: bytearray | None = None
        self._file: BinaryIO | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_part,
                "on_part_data": self._write_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises `UploadMalformed` or the parser's own error."""
        self._parser.write(chunk)

    def finish(self) -> FormParts:
        """The whole form; raises `UploadMalformed` when it ended too early, or `UploadEmpty`."""
        self._parser.finalize()
        if not self._ended:
            raise UploadMalformed("it ends before its last boundary")
        files = {name: upload_at(*place) for name, place in self._files.items()}
        for upload in files.values():
            if not upload.size_bytes:
                raise UploadEmpty(upload.filename)
        return FormParts({name: _text(value) for name, value in self._fields.items()}, files)

    def close(self) -> None:
        """Close the file that is being written, if any."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise UploadMalformed(f"it has more than {_MAX_PARTS} parts")
        self._disposition = b""

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = _text(options.get(b"name", b""))
        if not name:
            raise UploadMalformed("a part has no name")
        if name in self._fields or name in self._files:
            raise UploadMalformed(f"the part {name!r} comes twice")
        if b"filename" in options:
            # The user's file name is data: the file on disk is named by its number.
            path = self._folder / f"part-{self._parts}"
            self._files[name] = (path, _text(options[b"filename"]) or name)
            self._file = path.open("xb")
        else:
            self._field = self._fields[name] = bytearray()

    def _write_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
        elif self._field is not None:
            self._field.extend(data[start:end])
            if len(self._field) > _MAX_FIELD_BYTES:
                raise UploadMalformed(f"a text field is longer than {_MAX_FIELD_BYTES} bytes")

    def _end_part(self) -> None:
        self.close()
        self._field = None

    def _end(self) -> None:
        self._ended = True


def _text(raw: bytes | bytearray) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UploadMalformed("a text in it is not UTF-8") from None


async def receive_form(request: Request, context: ContextDep) -> AsyncIterator[FormParts]:
    """The form's fields, and its files in a workspace that is gone after the route has ended.

    Raises `UploadTooLarge` and `DiskFull`, before the first byte is read where the request has a
    Content-Length; and `UploadMalformed`. All that may wait for the disk, or for a lock on it,
    does so in threads.
    """
    limit, length = context.settings.max_upload_bytes, _length(request)
    if length > limit:
        raise UploadTooLarge(limit)
    disk_space = DiskSpace(context.artifacts.temporary, context.settings.min_free_bytes)
    await run_in_threadpool(disk_space.require, length)
    async with contextmanager_in_threadpool(context.artifacts.workspace()) as folder:
        writer = FormWriter(folder, _boundary(request))
        try:
            await _receive(request, writer, limit, disk_space)
            form = await run_in_threadpool(writer.finish)
        except FormParserError as error:
            raise UploadMalformed(str(error)) from error
        finally:
            await run_in_threadpool(writer.close)
        yield form


async def _receive(request: Request, writer: FormWriter, limit: int, disk_space: DiskSpace) -> None:
    # Chunks are gathered, because each hop into a thread costs as much as writing a small one.
    total, waiting = 0, bytearray()
    async for chunk in request.stream():
        total += len(chunk)
        if total > limit:
            raise UploadTooLarge(limit)
        waiting += chunk
        if len(waiting) >= _CHUNK:
            await run_in_threadpool(_write, writer, disk_space, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(writer.write, bytes(waiting))


def _write(writer: FormWriter, disk_space: DiskSpace, chunk: bytes) -> None:
    disk_space.require(len(chunk))
    writer.write(chunk)


def _length(request: Request) -> int:
    """The Content-Length; 0 where there is none."""
    header = request.headers.get("content-length", "0")
    return int(header) if header.isdigit() else 0


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise UploadMalformed("the request is not multipart/form-data")
    return options[b"boundary"]


FormDep = Annotated[FormParts, Depends(receive_form, scope="function")]


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
        return text  # the schema then says what it expects
