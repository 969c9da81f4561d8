"""Readiness that means it: part by part, through a live service."""

from __future__ import annotations

import shutil
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from app.api.routes import health
from app.serving.messages import StateReply
from tests.support.service import Service


def _broken(service: Service) -> dict[str, str]:
    answer = httpx2.get(f"{service.url}/ready")
    body: dict[str, Any] = answer.json()
    if answer.status_code == 200:
        assert all(one["ok"] for one in body["checks"])
        return {}
    assert (answer.status_code, body["code"]) == (503, "not-ready")
    return {one["name"]: one["detail"] for one in body["errors"]["checks"] if not one["ok"]}


def test_a_service_that_can_work_lists_what_it_checked(quiet_service: Service) -> None:
    checks = httpx2.get(f"{quiet_service.url}/ready").json()["checks"]

    assert [one["name"] for one in checks] == ["draining", "database", "artifacts", "predictor"]
    assert all(one["ok"] for one in checks)


def test_a_database_below_our_revision_is_not_ready(
    service_on_each: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _broken(service_on_each) == {}
    with monkeypatch.context() as newer:
        newer.setattr("app.store.migrations._known_revisions", lambda: ("0013", "0012"))
        assert "0012" in _broken(service_on_each)["database"]

    with service_on_each.context.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'of a newer version'"))
    assert _broken(service_on_each) == {}


def test_artifacts_that_cannot_be_written_are_not_ready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_ARTIFACTS_SECONDS", 0.0)
    assert _broken(service) == {}
    place = service.context.artifacts.temporary
    shutil.rmtree(place)
    place.write_text("a file where the folder was")

    assert list(_broken(service)) == ["artifacts"]


def test_a_process_that_is_about_to_end_is_not_ready(service: Service) -> None:
    service.draining.set()

    assert list(_broken(service)) == ["draining"]
    assert httpx2.get(f"{service.url}/health").status_code == 200


def test_a_predictor_that_does_not_answer_is_not_ready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> StateReply:
        raise RuntimeError("hangs")

    monkeypatch.setattr("app.serving.predictor.Predictor.state", never)

    assert list(_broken(service)) == ["predictor"]
