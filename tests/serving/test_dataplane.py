"""The DataPlane over a real database and a real predictor process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.artifacts.archive import pack
from app.domain.models import Model, ModelHints
from app.formats.catalog import detect_format
from app.services.context import Context, open_context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor
from app.settings import Settings
from app.store import aliases, models
from tests.support.models import a_text_classifier
from tests.support.records import a_model, an_alias

Scenario = Callable[[DataPlane, Predictor], Awaitable[Any]]


@pytest.fixture
def context(tmp_path: Path, one_database_url: str) -> Context:
    """References that live for an hour, and no room for shadows."""
    return open_context(
        Settings(
            data_dir=tmp_path / "var",
            database_url=one_database_url,
            reference_seconds=3600.0,
            max_shadow_requests=0,
        )
    )


def test_a_reference_to_a_model_deleted_elsewhere_is_looked_up_once_more(
    context: Context, tmp_path: Path
) -> None:
    first, second = (_registered(context, tmp_path, version) for version in (1, 2))
    _point(context, first)

    async def scenario(dataplane: DataPlane, predictor: Predictor) -> tuple[str, str]:
        before = await dataplane.predict("tickets@champion", ["hi"])
        await predictor.unload(first.id)
        _point(context, second)  # as another process would
        with context.sessions.begin() as session:
            models.delete(session, first.id)
        assert first.sha256
        context.artifacts.remove(first.sha256)
        after = await dataplane.predict("tickets@champion", ["hi"])
        return before.model.id, after.model.id

    assert _run(context, scenario) == (first.id, second.id)


def test_a_shadow_without_room_is_passed_over_and_that_is_counted(
    context: Context, tmp_path: Path
) -> None:
    first, second = (_registered(context, tmp_path, version) for version in (1, 2))
    _point(context, first, shadow_model_id=second.id, shadow_percent=100.0)

    async def scenario(dataplane: DataPlane, predictor: Predictor) -> list[str]:
        await dataplane.predict("tickets@champion", ["hi"])
        return [one.model_id for one in await predictor.resident()]

    assert _run(context, scenario) == [first.id]
    with context.readers() as session:
        [pair] = aliases.shadow_tallies(session, "tickets", "champion", 5)
    assert (pair.counts.requests, pair.counts.passed_over) == (0, 1)


def test_a_model_is_loaded_before_anybody_asks(context: Context, tmp_path: Path) -> None:
    model = _registered(context, tmp_path, 1)

    async def scenario(dataplane: DataPlane, predictor: Predictor) -> list[str]:
        await dataplane.load(model)
        return [one.model_id for one in await predictor.resident()]

    assert _run(context, scenario) == [model.id]


def _run(context: Context, scenario: Scenario) -> Any:
    async def run() -> Any:
        predictor = Predictor(context.settings, context.artifacts)
        dataplane = DataPlane(context, predictor)
        try:
            return await scenario(dataplane, predictor)
        finally:
            await dataplane.close()
            predictor.close()

    return asyncio.run(run())


def _point(context: Context, model: Model, **beside: Any) -> None:
    with context.sessions.begin() as session:
        aliases.point(session, an_alias(model, **beside))


def _registered(context: Context, folder: Path, version: int) -> Model:
    files = a_text_classifier(folder / str(version), seed=version)
    with context.artifacts.workspace() as workspace:
        pack(files, workspace / "model.zip")
        digest = context.artifacts.publish(workspace / "model.zip")
    facts = detect_format(files).inspect(files, ModelHints())
    model = replace(a_model(version=version), facts=facts, sha256=digest)
    with context.sessions.begin() as session:
        models.insert(session, model)
    return model
