"""Errors about files of sentence pairs and word pairs."""

from __future__ import annotations

from app.domain.errors import RejectedFile


class ParallelFilesUnclear(RejectedFile):
    """The archive does not hold exactly one source and one target file."""

    code = "parallel-files-unclear"

    def __init__(self, files: list[str], reason: str) -> None:
        super().__init__(
            f"It is not clear which file translates which: {reason}.",
            "Send an archive of two text files named for their languages (`text.en`, `text.de`), "
            "or name them with `-F source=NAME -F target=NAME`.",
            files=files[:20],
        )


class ParallelLengthsDiffer(RejectedFile):
    """Two files that should translate each other line by line have different lengths."""

    code = "parallel-lengths-differ"

    def __init__(self, source: str, source_lines: int, target: str, target_lines: int) -> None:
        super().__init__(
            f"`{source}` has {source_lines} lines, but `{target}` has {target_lines}.",
            "Line i of one file must translate line i of the other: align the files again.",
            source=source,
            source_lines=source_lines,
            target=target,
            target_lines=target_lines,
        )
