"""What a name of a record may look like."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.domain.aliases import ALIAS_PATTERN, MOST_ALIAS_LETTERS

# No `@` (it separates the version) and no slash (names stand in addresses).
Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Letters, digits, dots, hyphens and underscores; 100 at most.",
        examples=["intents"],
    ),
]

AliasName = Annotated[
    str,
    Field(
        pattern=ALIAS_PATTERN,
        max_length=MOST_ALIAS_LETTERS,
        description="Lower-case letters, digits, hyphens and underscores, not digits alone.",
        examples=["champion"],
    ),
]
