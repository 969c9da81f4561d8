"""Errors about language tags."""

from __future__ import annotations

from app.domain.errors import InvalidInput


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
