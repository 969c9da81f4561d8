"""Errors that end a running transfer."""

from __future__ import annotations

from app.domain.errors import TransferFailed


class InternalFailure(TransferFailed):
    """Something went wrong that nobody foresaw."""

    code = "internal-error"

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"The work ended with {type(error).__name__}: {str(error)[:300]}",
            "The whole traceback is in the attempt's log on the worker's machine. Please report "
            "it, with what was asked for.",
            error=type(error).__name__,
        )


class OutOfMemory(TransferFailed):
    """The work did not fit into memory."""

    code = "out-of-memory"

    def __init__(self) -> None:
        super().__init__(
            "The work needs more memory than there is.",
            "For a transfer choose a smaller batch_size, or the strategy `head`, which trains the "
            "head alone; otherwise a larger machine.",
        )


class NothingToTrainOn(TransferFailed):
    """Every training row would give away a test row."""

    code = "nothing-to-train-on"

    def __init__(self, role: str, dropped: int) -> None:
        super().__init__(
            f"No {role} row is left: all {dropped} share a group or their content with held-out "
            "rows.",
            "Give a training and a test dataset that do not hold the same rows.",
            role=role,
            dropped=dropped,
        )


class ImageShapesDiffer(TransferFailed):
    """Source and target images cannot stand in one batch."""

    code = "image-shapes-differ"

    def __init__(self, target: tuple[int, ...], source: tuple[int, ...]) -> None:
        super().__init__(
            f"Target images are {_by(target)}, source images {_by(source)} (channels x height x "
            "width); a batch holds images of one shape.",
            "Scale one of the datasets to the shape of the other.",
            target=list(target),
            source=list(source),
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
