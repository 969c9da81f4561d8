"""Live traffic beside the rows that the model was evaluated on, through a live service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, make_url, select

from app.formats.prediction_tables import write_predictions
from app.learn.data.examples import Examples
from app.learn.tasks.single_label import SingleLabel
from app.settings import Settings
from app.store import evaluations
from app.store.schema import metadata, traffic_counts
from app.store.schema import models as models_table
from tests.support.claimed_transfers import register_model
from tests.support.models import INTENTS, a_text_classifier
from tests.support.records import an_evaluation, queue_a_transfer
from tests.support.service import Service, running_service
from tests.support.waiting import wait_for

_VERBS = ("schalte", "dreh", "mach", "lass")
_ROOMS = ("in der küche", "im keller", "im wohnzimmer", "draußen vor der tür")
_WORDS = ("bitte", "sofort", "gleich", "doch endlich", "heute abend", "jetzt", "wieder", "noch")
GERMAN = [f"{v} das licht {r} {w} ein" for v in _VERBS for r in _ROOMS for w in _WORDS]
ENGLISH = [f"please turn the light number {i} in the kitchen off right now" for i in range(128)]


@pytest.fixture
def texts_are_kept() -> bool:
    return False


@pytest.fixture
def busy(tmp_path: Path, database_url: str, texts_are_kept: bool) -> Iterator[Service]:
    """A service that samples every input, with a model evaluated on German texts."""
    settings = Settings(
        data_dir=tmp_path / "var",
        database_url=database_url,
        drift_sample=1.0,
        record_texts=texts_are_kept,
    )
    with running_service(settings) as service:
        folder = a_text_classifier(tmp_path / "intents")
        register_model(service.context, folder, "intents", languages=("de",))
        _evaluate(service, GERMAN)
        yield service


def _evaluate(service: Service, texts: list[str]) -> None:
    """Give the model an evaluation, as its transfer would have made it."""
    answered = service.client.predict("intents", texts)
    rows = [one["probabilities"] for one in answered["predictions"]]
    table = np.array([[row[label] for label in INTENTS] for row in rows], np.float32)
    numbers = np.arange(1, len(texts) + 1)
    examples = Examples(texts, np.zeros(len(texts), np.int64), numbers)
    with service.context.artifacts.workspace() as folder:
        write_predictions(folder / "rows", examples, table, SingleLabel(INTENTS))
        stored = service.context.artifacts.publish(folder / "rows")
    with service.context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        model = answered["model"]["id"]
        statement = models_table.update().where(models_table.c.id == model)
        session.execute(statement.values(transfer_id=transfer.id))
        evaluations.insert(
            session, an_evaluation(transfer, model_id=model, predictions_sha256=stored)
        )


def _drift(service: Service, sampled: int) -> dict[str, Any]:
    """The drift once so many inputs are counted."""
    return wait_for(
        lambda: (found := service.client.models.drift("intents"))["sampled"] == sampled and found
    )


def test_the_evaluations_own_texts_are_no_drift(busy: Service) -> None:
    found = _drift(busy, len(GERMAN))

    assert found["state"] == "steady"
    assert found["evaluated_rows"] == len(GERMAN)
    assert found["model"]["name"] == "intents"
    assert {one["trait"] for one in found["traits"]} == {
        "language",
        "confidence",
        "label",
        "length",
    }
    assert all(one["live"] == one["evaluated"] for one in found["traits"])
    assert found["texts"] == []


def test_another_language_is_named(busy: Service) -> None:
    busy.client.predict("intents", ENGLISH)
    busy.client.predict("intents", ENGLISH)

    found = _drift(busy, len(GERMAN) + 2 * len(ENGLISH))

    assert found["state"] == "drifted"
    assert "language" in found["sentence"]
    (language,) = [one for one in found["traits"] if one["trait"] == "language"]
    assert language["drifted"]
    assert language["distance"] > language["matters_from"]
    assert language["live"]["en"] > 0.5
    assert "`en`" in language["sentence"] or "`de`" in language["sentence"]


def test_little_traffic_is_not_judged(busy: Service) -> None:
    _drift(busy, len(GERMAN))
    with busy.context.sessions.begin() as session:
        session.execute(delete(traffic_counts))
    busy.client.predict("intents", ENGLISH[:20])

    found = _drift(busy, 20)

    assert found["state"] == "not-enough-traffic"
    assert "20 of at least 100" in found["sentence"]
    assert not any(one["drifted"] for one in found["traits"])
    assert all(one["distance"] is None for one in found["traits"])


def test_texts_are_nowhere_in_the_database_unless_that_is_allowed(busy: Service) -> None:
    busy.client.predict("intents", ["Geheimnis von Rumpelstilzchen"] * 128)
    _drift(busy, len(GERMAN) + 128)

    assert "Rumpelstilzchen" not in _everything(busy)


@pytest.mark.parametrize("texts_are_kept", [True])
def test_texts_of_which_the_model_is_least_sure_are_shown_where_that_is_allowed(
    busy: Service,
) -> None:
    busy.client.predict("intents", ["Geheimnis von \x00Rumpelstilzchen"])
    found = _drift(busy, len(GERMAN) + 1)

    assert len(found["texts"]) == 20
    sure = [one["confidence"] for one in found["texts"]]
    assert sure == sorted(sure)
    with busy.context.readers() as session:
        kept = evaluations.least_sure_texts(session, found["model"]["id"], "2000-01-01", 1000)
    assert len(kept) == 100


def test_traffic_goes_with_its_model(busy: Service) -> None:
    model = _drift(busy, len(GERMAN))["model"]["id"]

    busy.client.models.delete(model)

    with busy.context.readers() as session:
        assert session.scalars(select(traffic_counts.c.model_id)).all() == []


def _everything(service: Service) -> str:
    """All rows of all tables, and the bytes of the files beside them."""
    with service.context.readers() as session:
        rows = [session.execute(select(table)).all() for table in metadata.sorted_tables]
    folder = service.context.settings.data_dir
    files = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    url = make_url(service.context.settings.url)
    if url.get_backend_name() == "sqlite":
        files += [file.read_bytes() for file in Path(url.database).parent.glob("*sqlite*")]
    return repr(rows) + repr(files)
