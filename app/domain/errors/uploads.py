"""Errors about uploads, before anything in them is read."""

from __future__ import annotations

from app.domain.errors import InvalidInput, TooLarge


class UploadTooLarge(TooLarge):
    """The body of a request is longer than the service takes."""

    code = "upload-too-large"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The request is larger than {limit} bytes.",
            "Send less, or start the service with a higher BABELPORT_MAX_UPLOAD_BYTES.",
            limit_bytes=limit,
        )


class UploadMalformed(InvalidInput):
    """The body is no multipart form, or a form that ends too early."""

    code = "upload-malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The multipart form cannot be read: {reason}.",
            "Send multipart/form-data, for example with `curl -F file=@model.zip`.",
        )


class PartMissing(InvalidInput):
    """A file that the request needs is no part of the form, or came as a text.

    `instead` says how to name a registered record where the request takes one.
    """

    code = "part-missing"

    def __init__(
        self, name: str, found: list[str], as_text: bool = False, instead: str = ""
    ) -> None:
        there = ", ".join(found) or "nothing"
        super().__init__(
            f"The part {name!r} of the form is a text, not a file."
            if as_text
            else f"The form has no part {name!r}; it holds {there}.",
            f"Send the file, for example with `curl -F {name}=@FILE`.{instead}",
            part=name,
            found=found,
        )


class PartUnknown(InvalidInput):
    """A part of the form that the request does not know."""

    code = "part-unknown"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            f"The form has a part {name!r} that means nothing here.",
            f"Leave it out, or name it one of: {', '.join(known)}.",
            part=name,
            known=known,
        )


class PartReferred(InvalidInput):
    """A part came as a file although the specification refers to a registered record."""

    code = "part-referred"

    def __init__(self, name: str, reference: str) -> None:
        super().__init__(
            f"The form has a file {name!r}, but its `spec` names {reference!r} for it.",
            "Leave one of the two out.",
            part=name,
            reference=reference,
        )


class FileEmpty(InvalidInput):
    """The uploaded file has no bytes."""

    code = "file-empty"

    def __init__(self, filename: str) -> None:
        super().__init__(
            f"The file {filename!r} is empty.", "Send a file with content.", filename=filename
        )
