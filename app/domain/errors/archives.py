"""Errors about archives: zip and tar files that are damaged, too large or reach outside."""

from __future__ import annotations

from app.domain.errors import RejectedFile

_PACK_AGAIN = "Pack the folder again, as a .zip or .tar.gz, and send that."


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
