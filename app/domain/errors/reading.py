"""Errors about reading an upload in its child process."""

from __future__ import annotations

from typing import Any

from app.domain.errors import RejectedFile


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
