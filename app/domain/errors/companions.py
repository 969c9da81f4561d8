"""Errors about the second model that some methods work with."""

from __future__ import annotations

from app.domain.errors import InvalidInput, TransferFailed


class CompanionMissing(InvalidInput):
    """The method needs a second model, and there is none to take without being told."""

    code = "companion-missing"

    def __init__(self, method: str, formats: list[str]) -> None:
        super().__init__(
            f"{method} needs a second model that knows the target language.",
            f"Register one ({' or '.join(formats)}) and name it with `companion`.",
            method=method,
            formats=formats,
        )


class CompanionUnused(InvalidInput):
    """The method has no use for a second model."""

    code = "companion-unused"

    def __init__(self, method: str, companion: str) -> None:
        super().__init__(
            f"{method} takes no second model, but `{companion}` is named.",
            "Leave `companion` out, or choose a method that takes one: GET /v1/methods.",
            method=method,
            companion=companion,
        )


class CompanionUnfit(InvalidInput):
    """The second model is of a format that the method cannot use as one."""

    code = "companion-unfit"

    def __init__(self, method: str, found: str, formats: list[str]) -> None:
        super().__init__(
            f"{method} takes {' or '.join(formats)} models as companion; this one is {found}.",
            "Name another model with `companion`.",
            method=method,
            found=found,
            formats=formats,
        )


class HubModelUnavailable(TransferFailed):
    """A model of a hub could not be had by this machine."""

    code = "hub-model-unavailable"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The model `{name}` could not be downloaded: {reason}.",
            "Check its name, and that the worker's machine reaches the hub (HF_ENDPOINT, proxy, "
            "HF_TOKEN). Or upload the model and name it by its id.",
            name=name,
        )
