"""The parts of a multipart form: small fields in memory, files written to a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.multipart import MultipartParser, parse_options_header

from app.domain.errors.uploads import FileEmpty, PartMissing, PartUnknown, UploadMalformed
from app.services.uploads import Upload, upload_at

_MAX_FIELD_BYTES = 1024 * 1024
_MAX_PARTS = 100


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
                "on_part_data": self._take,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises `UploadMalformed` or the parser's own error."""
        self._parser.write(chunk)

    def finish(self) -> FormParts:
        """The whole form; raises `UploadMalformed` when it ended too early, or `FileEmpty`."""
        self._parser.finalize()
        if not self._ended:
            raise UploadMalformed("it ends before its last boundary")
        files = {name: upload_at(*place) for name, place in self._files.items()}
        for upload in files.values():
            if not upload.size_bytes:
                raise FileEmpty(upload.filename)
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

    def _take(self, data: bytes, start: int, end: int) -> None:
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
