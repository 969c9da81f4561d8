"""Errors about low-rank updates, the strategy `lora`."""

from __future__ import annotations

from app.domain.errors import InvalidInput, TransferFailed

_INSTEAD = "Choose the strategy head, lp-ft or full."


class StrategyUnfit(InvalidInput):
    """The strategy cannot train models of this format."""

    code = "strategy-unfit"

    def __init__(self, strategy: str, format: str) -> None:
        super().__init__(
            f"The strategy {strategy} updates the attention of Hugging Face models; this one has "
            f"the format {format}.",
            _INSTEAD,
            strategy=strategy,
            format=format,
        )


class NoAttention(TransferFailed):
    """The network has no linear module within an attention."""

    code = "no-attention"

    def __init__(self) -> None:
        super().__init__(
            "The strategy lora updates linear modules of a network's attention, and this network "
            "has none.",
            f"{_INSTEAD} Or name linear modules of the network in `lora_targets`.",
        )


class ModulesUnknown(TransferFailed):
    """Names in `lora_targets` that no linear module of the body has."""

    code = "modules-unknown"

    def __init__(self, unknown: list[str], known: list[str]) -> None:
        super().__init__(
            f"No linear module of the network is called {', '.join(map(repr, unknown))}.",
            f"Name modules by the end of their names, among: {', '.join(known)}.",
            unknown=unknown,
            known=known,
        )
