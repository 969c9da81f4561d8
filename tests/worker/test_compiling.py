"""A worker without transfers compiles what is to be served."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.services.context import open_context
from app.settings import Settings
from app.store import models
from app.worker.run_worker import run_worker
from tests.support.claimed_transfers import store_model
from tests.support.models import a_declared_digit_reader
from tests.support.waiting import wait_for

Sessions = sessionmaker[Session]


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "switched off"])
def test_a_ready_model_is_compiled_where_the_settings_ask_for_it(
    place: Settings, sessions: Sessions, tmp_path: Path, asked: bool
) -> None:
    place = place.model_copy(update={"compile_models": asked})
    context = open_context(place)
    model = store_model(context, a_declared_digit_reader(tmp_path / "model"))
    with sessions.begin() as session:
        models.insert(session, model)
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(place, stop))
    worker.start()
    try:
        if asked:
            wait_for(lambda: _engine(sessions, model.id) == "onnxruntime", 180)
        else:
            assert not stop.wait(2)  # two looks' time, in which nothing must happen
            assert _engine(sessions, model.id) is None
    finally:
        stop.set()
        worker.join(30)
    assert not worker.is_alive()


def _engine(sessions: Sessions, id: str) -> str | None:
    with sessions() as session:
        model = models.get(session, id)
    return model.serving.engine if model and model.serving else None
