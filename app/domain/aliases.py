"""The Alias of a model's name: a pointer such as `champion` that moves from version to version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# Lower-case letters, digits, `-` and `_`; what is digits alone is a version.
ALIAS_PATTERN = r"^[a-z0-9_-]*[a-z_-][a-z0-9_-]*$"
MOST_ALIAS_LETTERS = 64


@dataclass(frozen=True)
class Share:
    """A model beside the one that an alias points to, and its share of the requests in percent."""

    model_id: str
    percent: float


@dataclass(frozen=True)
class Alias:
    """`name@alias` means the model `model_id`.

    The canary answers `canary_percent` of the requests in its place; the shadow is asked
    `shadow_percent` of the others too, and nobody sees its answers. `revision` grows with each
    change.
    """

    name: str
    alias: str
    model_id: str
    updated_at: datetime
    revision: int
    canary_model_id: str | None = None
    canary_percent: float | None = None
    shadow_model_id: str | None = None
    shadow_percent: float | None = None

    @property
    def canary(self) -> Share | None:
        """The model that is tried on a part of the requests."""
        return _share(self.canary_model_id, self.canary_percent)

    @property
    def shadow(self) -> Share | None:
        """The model that is asked too."""
        return _share(self.shadow_model_id, self.shadow_percent)

    @property
    def model_ids(self) -> set[str]:
        """All models that must stay while the alias points to them."""
        named = (self.model_id, self.canary_model_id, self.shadow_model_id)
        return {id for id in named if id is not None}


@dataclass(frozen=True)
class AliasMove:
    """That an alias pointed to `model_id` from `at` on; None: it was removed then."""

    name: str
    alias: str
    sequence: int
    model_id: str | None
    at: datetime


def _share(model_id: str | None, percent: float | None) -> Share | None:
    return None if model_id is None or percent is None else Share(model_id, percent)
