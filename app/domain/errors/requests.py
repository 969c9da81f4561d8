"""Errors about requests: their form and fields, what they upload, and records they name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.domain.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    RejectedFile,
    TooLarge,
)

_SHOWN = 5
_PACK_AGAIN = "Pack the folder again, as a .zip or .tar.gz, and send that."


class RequestInvalid(InvalidInput):
    """Fields of a request are missing, unknown or of another type.

    Each of `errors` has its `field`, a `message` (a sentence) and an `advice`.
    """

    code = "request-invalid"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        shown, more = errors[:_SHOWN], len(errors) - _SHOWN
        also = [f"{more} more field(s) are at fault."] if more > 0 else []
        super().__init__(
            " ".join([*(error["message"] for error in shown), *also]),
            " ".join(dict.fromkeys(error["advice"] for error in shown)),
        )
        self.errors = errors

    def as_dict(self) -> dict[str, object]:
        """As of every error, but that its fields are a list."""
        return super().as_dict() | {"fields": self.errors}


class ModelNotFound(NotFound):
    """No model has this id, name or version."""

    code = "model-not-found"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"There is no model {reference!r}.",
            "Use an id, a name (its newest ready version), name@version or name@alias from "
            "GET /v1/models.",
            model=reference,
        )


class DatasetNotFound(NotFound):
    """No dataset has this id."""

    code = "dataset-not-found"

    def __init__(self, dataset_id: str) -> None:
        super().__init__(
            f"There is no dataset {dataset_id!r}.",
            "Use an id from GET /v1/datasets.",
            dataset=dataset_id,
        )


class EvaluationNotFound(NotFound):
    """No evaluation has this id."""

    code = "evaluation-not-found"

    def __init__(self, evaluation_id: str) -> None:
        super().__init__(
            f"There is no evaluation {evaluation_id!r}.",
            "Use an id from GET /v1/evaluations.",
            evaluation=evaluation_id,
        )


class NotRecorded(NotFound):
    """The record is there, but not the part of it that was asked for."""

    code = "not-recorded"

    def __init__(self, what: str, owner: str, advice: str) -> None:
        super().__init__(f"There is no {what} of {owner}.", advice, owner=owner)


class DroppedByRetention(NotFound):
    """The part that was asked for was kept as long as the settings say, and is gone."""

    code = "dropped-by-retention"

    def __init__(
        self,
        owner: str,
        dropped_at: datetime,
        job: str = "transfer",
        setting: str = "BABELPORT_KEEP_PREDICTIONS_DAYS",
    ) -> None:
        """`job` is what makes new ones, `setting` what says how long they are kept."""
        super().__init__(
            f"The predictions of {owner} were dropped on {dropped_at:%Y-%m-%d}, after the time for "
            "which they are kept.",
            f"Start the {job} again to get new ones, and keep them for longer with a higher "
            f"{setting} (0 keeps them for ever).",
            owner=owner,
            dropped_at=dropped_at.isoformat(),
        )


class AliasNotFound(NotFound):
    """The name has no such alias."""

    code = "alias-not-found"

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(
            f"The name {name!r} has no alias {alias!r}.",
            f"GET /v1/models/{name}/aliases lists those that it has; a PUT makes one.",
            name=name,
            alias=alias,
        )


class AliasOfAnotherName(InvalidInput):
    """An alias of one name cannot point to a model of another."""

    code = "alias-of-another-name"

    def __init__(self, name: str, model: str) -> None:
        super().__init__(
            f"{model} is no version of {name!r}.",
            f"Name a version of {name!r}; only a canary and a shadow may have another name.",
            name=name,
            model=model,
        )


class ModelsNotAlike(InvalidInput):
    """A canary or a shadow answers something else than the model that it stands beside."""

    code = "models-not-alike"

    def __init__(self, role: str, model: str, beside: str, difference: str) -> None:
        super().__init__(
            f"The {role} {model} cannot stand beside {beside}: {difference}.",
            "Name a ready model of the same task with the same labels, in any order.",
            role=role,
            model=model,
            beside=beside,
        )


class AliasChanged(PreconditionFailed):
    """An alias is not what the header If-Match names; `revision` None: there is none."""

    code = "alias-changed"

    def __init__(self, name: str, alias: str, revision: int | None) -> None:
        found = "is not there" if revision is None else f"is at revision {revision}"
        super().__init__(
            f"The alias {name}@{alias} {found}, which If-Match does not name.",
            f"Read it again at /v1/models/{name}/aliases/{alias}, and send its new ETag.",
            name=name,
            alias=alias,
            revision=revision,
        )


class AliasInputsGone(Conflict):
    """A model was deleted while an alias was being pointed to it."""

    code = "alias-inputs-gone"

    def __init__(self, ids: list[str]) -> None:
        super().__init__(
            f"The alias needs what is not here (any more): {', '.join(ids)}.",
            "Point it to another model.",
            ids=ids,
        )


class NeededByAlias(Conflict):
    """A model cannot be deleted while an alias points to it."""

    code = "needed-by-alias"

    def __init__(self, id: str, aliases: list[str]) -> None:
        super().__init__(
            f"{id} is the model, the canary or the shadow of {', '.join(aliases)}.",
            "Point the alias to another model, or remove it, and delete the model then.",
            id=id,
            aliases=aliases,
        )


class CursorUnknown(InvalidInput):
    """A page was asked for by a cursor that this service never gave."""

    code = "cursor-unknown"

    def __init__(self, cursor: str) -> None:
        super().__init__(
            "The cursor is not one that a list of this service gave.",
            "Take next_cursor of the previous page unchanged, or leave it out for the first page.",
            cursor=cursor[:200],
        )


class KeyReused(Conflict):
    """An Idempotency-Key came with another request than the first time."""

    code = "idempotency-key-reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key {key!r} belongs to another request.",
            "Send a fresh key with each new request.",
            key=key,
        )


class KeyTaken(Conflict):
    """The same request came twice at once, and the other one was answered first."""

    code = "idempotency-key-taken"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Another request with the Idempotency-Key {key!r} was answered at this moment.",
            "Send the request again to get the same answer.",
            key=key,
        )


class LanguageUnknown(InvalidInput):
    """The tag is no language of BCP-47."""

    code = "language-unknown"

    def __init__(self, tag: str, suggestion: str | None = None) -> None:
        hint = f"Did you mean `{suggestion}`? " if suggestion else ""
        super().__init__(
            f"`{tag[:60]}` is not a language that BCP-47 knows.",
            f"{hint}Send a BCP-47 tag such as `de`, `pt-BR` or `zh-Hant`.",
            language=tag[:60],
            suggestion=suggestion,
        )


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


class UploadEmpty(InvalidInput):
    """The uploaded file has no bytes."""

    code = "file-empty"

    def __init__(self, filename: str) -> None:
        super().__init__(
            f"The file {filename!r} is empty.", "Send a file with content.", filename=filename
        )


class ArchiveDamaged(RejectedFile):
    """The archive ends too early, fails its checksum or is no archive at all."""

    code = "archive-damaged"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The archive cannot be read: {reason}.", _PACK_AGAIN, reason=reason)


class ArchiveUnsafe(RejectedFile):
    """A member would be written outside the folder, or is no plain file."""

    code = "archive-unsafe"

    def __init__(self, member: str, reason: str) -> None:
        # A tar may name its members in bytes that are no UTF-8, which a database would refuse.
        shown = member.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(
            f"The archive's member {shown!r} {reason}.",
            "Pack plain files with relative paths only, links replaced by the files they name.",
            member=shown,
        )


class ArchiveTooLarge(RejectedFile):
    """Unpacked, the archive has more bytes or more members than the limits allow."""

    code = "archive-too-large"

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"Unpacked, the archive has more than {limit:,} {what}.",
            "Leave out what is not needed, or raise BABELPORT_MAX_UNPACKED_BYTES or "
            "BABELPORT_MAX_ARCHIVE_MEMBERS on the server.",
            what=what,
            limit=limit,
        )


class ArchiveEmpty(RejectedFile):
    """There is no file in the archive."""

    code = "archive-empty"

    def __init__(self) -> None:
        super().__init__("There is no file in the archive.", _PACK_AGAIN)


class LfsPointer(RejectedFile):
    """A pointer of Git LFS stands where the file itself should."""

    code = "git-lfs-pointer"

    def __init__(self, file: str, size: int | None) -> None:
        where = f"; its {size:,} bytes lie elsewhere" if size else ""
        super().__init__(
            f"{file} is a Git LFS pointer and not the file itself{where}.",
            "Run `git lfs install` and `git lfs pull` in the repository, and send the file again.",
            file=file,
        )


class ReadingRefused(RejectedFile):
    """What the child process raised, as itself: the same code, message, advice and fields."""

    def __init__(self, report: dict[str, Any]) -> None:
        super().__init__(report["message"], report["advice"], **report["fields"])
        self.code = report["code"]  # type: ignore[misc]  # the leaf's code, not this class's


class ReadingTookTooLong(RejectedFile):
    """The child process was stopped at its time limit."""

    code = "reading-took-too-long"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"Reading the file took longer than {seconds:g} seconds and was stopped.",
            "Send a smaller file, or raise BABELPORT_INSPECTION_SECONDS on the server.",
            seconds=seconds,
        )


class ReadingTookTooMuchMemory(RejectedFile):
    """The child process asked for more memory than it may have."""

    code = "reading-took-too-much-memory"

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(
            f"Reading the file took more than {memory_bytes:,} bytes of memory and was stopped.",
            "Send a smaller file, or raise BABELPORT_INSPECTION_MEMORY_BYTES on the server.",
            memory_bytes=memory_bytes,
        )


class ReadingCrashed(RejectedFile):
    """The child process ended without an answer, or failed in a way that nobody foresaw."""

    code = "reading-crashed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Reading the file failed: {reason}.",
            "Check that the program that wrote the file can read it again; if it can, "
            "please report this as a bug with the file's layout.",
            reason=reason,
        )
