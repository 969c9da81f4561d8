"""Which models answer for a reference, and in which shares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.aliases import Alias
from app.domain.errors.lookups import ModelNotFound
from app.domain.models import Model
from app.domain.serving import Servable
from app.services.models import find_model
from app.services.servables import servable_of
from app.store import aliases, models

Draw = Callable[[], float]


@dataclass(frozen=True)
class Served:
    """A model as it is recorded, and as it is served."""

    model: Model
    servable: Servable


@dataclass(frozen=True)
class Route:
    """The model that a reference means; where it is by an alias, those beside it too."""

    main: Served
    alias: Alias | None = None
    canary: Served | None = None
    shadow: Served | None = None

    def choose(self, key: str, draw: Draw) -> Served:
        """The model that answers one request: the canary with its share, the main one otherwise.

        The same `key` gets the same model as long as the share does not shrink; without a key
        `draw` decides, a number of [0, 1).
        """
        if self.alias is None or self.canary is None or self.alias.canary is None:
            return self.main
        place = _place(f"{self.alias.name}@{self.alias.alias}", key) if key else draw()
        return self.canary if place * 100 < self.alias.canary.percent else self.main

    def is_shadowed(self, draw: Draw) -> bool:
        """Whether the shadow is to answer a request too that the main model answered."""
        share = self.alias.shadow if self.alias is not None and self.shadow is not None else None
        return share is not None and draw() * 100 < share.percent


def find_route(session: Session, reference: str) -> Route:
    """Who answers for a reference; raises `ModelNotFound` and `ModelCannotPredict`."""
    name, _, alias = reference.partition("@")
    found = aliases.get(session, name, alias) if alias and not alias.isdecimal() else None
    if found is None:
        return Route(_served(session, find_model(session, reference)))
    main = _by_id(session, found.model_id)
    if main is None:
        raise ModelNotFound(reference)
    beside = (_by_id(session, id) for id in (found.canary_model_id, found.shadow_model_id))
    return Route(main, found, *beside)


def _by_id(session: Session, id: str | None) -> Served | None:
    model = models.get(session, id) if id is not None else None
    return None if model is None else _served(session, model)


def _served(session: Session, model: Model) -> Served:
    return Served(model, servable_of(session, model))


def _place(alias: str, key: str) -> float:
    """A number of [0, 1) that is always the same for a key, and another under another alias."""
    digest = hashlib.blake2b(f"{alias}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
