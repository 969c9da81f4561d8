"""The model repository extension: which models there are, and having them in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from app.api.oip.metadata import predicting_facts
from app.api.oip.outputs import OUTPUTS
from app.domain.enums import ModelStatus
from app.domain.models import Model
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor
from app.store import models

_PAGE = 200
_NOT_LOADED = "not in memory: the first request for it, or a load, brings it there"


@dataclass(frozen=True)
class IndexEntry:
    """A model that can answer; READY where it is in memory, UNAVAILABLE with a `reason`."""

    name: str
    version: str
    state: str
    reason: str


class Repository:
    """Lists, loads and unloads models."""

    def __init__(self, context: Context, dataplane: DataPlane, predictor: Predictor) -> None:
        self._context = context
        self._dataplane = dataplane
        self._predictor = predictor

    async def index(self, ready_only: bool) -> list[IndexEntry]:
        """Every model that can answer, the newest first, or those in memory alone."""
        loaded = {resident.model_id for resident in await self._predictor.resident()}
        found = await asyncio.to_thread(self._answering)
        return [
            _entry(model, model.id in loaded)
            for model in found
            if model.id in loaded or not ready_only
        ]

    async def load(self, reference: str) -> None:
        """Have a model in memory, to stay until it is unloaded.

        Raises ModelNotFound, ModelCannotPredict and what `Predictor.load` raises.
        """
        _, servable = await self._dataplane.servable(reference)
        predicting_facts(servable)
        await self._predictor.load(servable, pinned=True)

    async def unload(self, reference: str) -> None:
        """Take a model out of memory, where it is there; raises ModelNotFound."""
        await self._predictor.unload((await self._dataplane.find(reference)).id)

    def _answering(self) -> list[Model]:
        found, cursor = [], None
        with self._context.readers() as session:
            while True:
                page = models.page(session, _PAGE, cursor, status=ModelStatus.READY)
                found += [one for one in page.items if one.facts and one.facts.task in OUTPUTS]
                cursor = page.next_cursor
                if cursor is None:
                    return found


def _entry(model: Model, loaded: bool) -> IndexEntry:
    state, reason = ("READY", "") if loaded else ("UNAVAILABLE", _NOT_LOADED)
    return IndexEntry(model.name, str(model.version), state, reason)
