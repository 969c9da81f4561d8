"""What a name of a record may look like."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# No `@` (it separates the version) and no slash (names stand in addresses).
Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Letters, digits, dots, hyphens and underscores; 100 at most.",
        examples=["intents"],
    ),
]
