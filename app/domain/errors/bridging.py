"""Errors about putting another encoder before a model's head."""

from __future__ import annotations

from app.domain.errors import InvalidInput


class TooFewRowsForMap(InvalidInput):
    """There is less text than a map between two spaces of vectors needs for its rank."""

    code = "too-few-rows-for-map"

    def __init__(self, rows: int, rank: int) -> None:
        super().__init__(
            f"A map of rank {rank} needs at least {rank + 1} different source-language texts, "
            f"but there are {rows}.",
            "Add source-language text: `source_unlabelled` takes any sentences, without labels. "
            "Or ask for a map of lower `rank`.",
            rows=rows,
            needed=rank + 1,
        )


class TooFewRowsToCentre(InvalidInput):
    """There is too little text of a language to say where its vectors lie."""

    code = "too-few-rows-to-centre"

    def __init__(self, language: str, rows: int, needed: int) -> None:
        super().__init__(
            f"The mean vector of {language} needs at least {needed} different texts, "
            f"but there are {rows}.",
            "Add text without labels (`unlabelled` for the target language, `source_unlabelled` "
            "for the source language).",
            language=language,
            rows=rows,
            needed=needed,
        )


class NothingToBridge(InvalidInput):
    """Neither another encoder nor anything by which to adjust the model's own."""

    code = "nothing-to-bridge"

    def __init__(self) -> None:
        super().__init__(
            "Without a `companion` the model keeps its own encoder, and without `unlabelled` "
            "text of the target language there is nothing to adjust it by.",
            "Name a multilingual encoder as `companion` (`starter` is one), or give `unlabelled` "
            "text and leave `centring` on.",
        )


class HeadNotBridgeable(InvalidInput):
    """The model's head does not read one vector for each text."""

    code = "head-not-bridgeable"

    def __init__(self, network: str) -> None:
        super().__init__(
            f"The head of a {network} does not read one sentence vector for each text, so that "
            "no other encoder can be put before it.",
            "Use a text classifier or a sentence encoder, or another method.",
            network=network,
        )


class CompanionNoEncoder(InvalidInput):
    """The second model is not a plain encoder of texts."""

    code = "companion-no-encoder"

    def __init__(self, network: str) -> None:
        super().__init__(
            f"The companion is a {network}, which cannot stand before another model's head.",
            "Name a plain text encoder as `companion` (`...Model` in its config.json), for "
            "instance `starter`.",
            network=network,
        )
