"""Errors about `architecture.json`."""

from __future__ import annotations

from app.domain.errors import RejectedFile

_ADVICE = "See docs/formats.md for the layers and arguments that architecture.json may name."


class ArchitectureInvalid(RejectedFile):
    """The file as a whole, its `input` or its `labels` are not as they must be."""

    code = "architecture-invalid"

    def __init__(self, problem: str) -> None:
        super().__init__(f"architecture.json: {problem}.", _ADVICE, problem=problem)


class LayerInvalid(RejectedFile):
    """One layer is of an unknown kind, has wrong arguments, or does not fit the one before."""

    code = "layer-invalid"

    def __init__(self, number: int, kind: str, problem: str) -> None:
        super().__init__(
            f"architecture.json: layer {number} ({kind}): {problem}.",
            _ADVICE,
            layer=number,
            kind=kind,
            problem=problem,
        )


class NetworkTooLarge(RejectedFile):
    """The layers would need more memory than a classifier of images has use for."""

    code = "network-too-large"

    def __init__(self, number: int, what: str, limit: int) -> None:
        super().__init__(
            f"architecture.json: up to layer {number} the network has more than {limit:,} {what}.",
            "Send a smaller network.",
            layer=number,
            what=what,
            limit=limit,
        )
