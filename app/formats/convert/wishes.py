"""What the user says of a file that is to be converted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.models import ModelHints


@dataclass(frozen=True)
class Wishes:
    """`input` is the JSON form of an ImageInput; `trust` allows the file to run code."""

    architecture: Path | None = None
    labels: tuple[str, ...] = ()
    input: dict[str, Any] = field(default_factory=dict)
    trust: bool = False

    def hints(self) -> ModelHints:
        """The same for a format's `inspect`."""
        return ModelHints(labels=self.labels, input=self.input)
