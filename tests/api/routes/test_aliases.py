"""Aliases over HTTP: what they may point to, and what a reference by alias means everywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from app.client import BabelportProblem
from app.domain.enums import ModelStatus, Task
from app.domain.models import Model
from app.store import models
from tests.support.models import a_text_classifier, zipped
from tests.support.records import a_model
from tests.support.service import Service


@pytest.fixture
def two_versions(service: Service, tmp_path) -> list[dict[str, Any]]:
    """Two versions of `intents`, with different weights."""
    files = [zipped(a_text_classifier(tmp_path / f"m{seed}", seed=seed)) for seed in (0, 1)]
    return [service.client.models.upload(file, name="intents") for file in files]


def test_an_alias_is_made_moved_listed_and_removed(
    service: Service, two_versions: list[dict[str, Any]]
) -> None:
    aliases, (first, second) = service.client.aliases, two_versions
    made = aliases.point("intents", "champion", 1)
    assert made["model"] == {"id": first["id"], "name": "intents", "version": 1}
    assert (made["canary"], made["shadow"], made["revision"]) == (None, None, 1)
    assert service.client.models.get("intents@champion")["id"] == first["id"]
    assert service.client.predict("intents@champion", ["hi"])["model"]["version"] == 1

    besides = {"canary": {"model": "1", "percent": 5}, "shadow": {"model": first["id"]}}
    moved = aliases.point("intents", "champion", second["id"], **besides)
    assert (moved["canary"]["model"]["id"], moved["canary"]["percent"]) == (first["id"], 5)
    assert (moved["shadow"]["model"]["id"], moved["shadow"]["percent"]) == (first["id"], 100)
    assert service.client.models.get("intents@champion")["id"] == second["id"]
    assert [alias["alias"] for alias in aliases.list("intents")["items"]] == ["champion"]
    found = aliases.get("intents", "champion")
    assert [move["model_id"] for move in found["moves"]] == [second["id"], first["id"]]

    with pytest.raises(BabelportProblem) as refused:
        service.client.models.delete("intents@1")
    assert (refused.value.status, refused.value.code) == (409, "needed-by-alias")
    aliases.remove("intents", "champion")
    service.client.models.delete("intents@1")
    for gone in (lambda: aliases.get("intents", "champion"), lambda: aliases.remove("a", "b")):
        with pytest.raises(BabelportProblem) as refused:
            gone()
        assert (refused.value.status, refused.value.code) == (404, "alias-not-found")


def test_an_alias_that_somebody_else_changed_is_not_overwritten(
    service: Service, two_versions: list[dict[str, Any]]
) -> None:
    address = f"{service.url}/v1/models/intents/aliases/champion"
    aliases = service.client.aliases
    with pytest.raises(BabelportProblem) as refused:
        aliases.point("intents", "champion", 1, revision=1)
    assert (refused.value.status, refused.value.code) == (412, "alias-changed")
    made = httpx2.put(address, json={"model": 1}, timeout=60)
    etag = httpx2.get(address).headers["ETag"]
    assert etag == made.headers["ETag"] == '"1"'
    moved = aliases.point("intents", "champion", 2, revision=1)
    assert moved["revision"] == 2
    for tag in (etag, 'W/"2"', '"two"', '"1", "3"', ""):
        answer = httpx2.put(address, json={"model": 1}, headers={"If-Match": tag}, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (412, "alias-changed"), tag
        assert httpx2.delete(address, headers={"If-Match": tag}).status_code == 412
    assert aliases.get("intents", "champion")["model"]["version"] == 2
    again = httpx2.put(address, json={"model": 1}, headers={"If-Match": '"1", "2"'}, timeout=60)
    assert (again.status_code, again.headers["ETag"]) == (200, '"3"')
    aliases.remove("intents", "champion", revision=3)
    anyone = httpx2.put(address, json={"model": 1}, headers={"If-Match": "*"})
    assert anyone.status_code == 412
    assert aliases.point("intents", "champion", 1)["revision"] == 5


def test_what_does_not_fit_is_refused_and_changes_nothing(service: Service) -> None:
    main, others = _records(service)
    aliases = service.client.aliases
    refusals = {
        "model-not-found": {"model": 7},
        "record-rejected": {"model": 2},
        "alias-of-another-name": {"model": others["alike"].id},
        "models-not-alike": {"model": 1, "canary": {"model": 1, "percent": 5}},
    }
    for code, body in refusals.items():
        with pytest.raises(BabelportProblem) as refused:
            aliases.point(main.name, "champion", **body)
        assert refused.value.code == code, body
    for kind in ("labels", "task"):
        for role in ("canary", "shadow"):
            beside = {role: {"model": others[kind].id, "percent": 5}}
            with pytest.raises(BabelportProblem) as refused:
                aliases.point(main.name, "champion", 1, **beside)
            assert (refused.value.status, refused.value.code) == (422, "models-not-alike")
    assert aliases.list(main.name)["items"] == []


@pytest.mark.parametrize(
    ("alias", "body"),
    [
        ("12", {"model": 1}),
        ("Champion", {"model": 1}),
        ("a" * 65, {"model": 1}),
        ("champion", {}),
        ("champion", {"model": 0}),
        ("champion", {"model": 1, "canary": {"model": 2, "percent": 0}}),
        ("champion", {"model": 1, "canary": {"model": 2}}),
        ("champion", {"model": 1, "shadow": {"model": 2, "percent": 101}}),
        ("champion", {"model": 1, "colour": "red"}),
    ],
)
def test_names_and_shares_out_of_bounds_are_refused(
    quiet_service: Service, alias: str, body: dict[str, Any]
) -> None:
    answer = httpx2.put(f"{quiet_service.url}/v1/models/intents/aliases/{alias}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


def _records(service: Service) -> tuple[Model, dict[str, Model]]:
    main = a_model()
    assert main.facts is not None
    rejected = a_model(version=2, status=ModelStatus.REJECTED, facts=None, sha256=None)
    others = {
        "alike": a_model(name="others"),
        "labels": a_model(
            name="others", version=2, facts=replace(main.facts, labels=("no", "perhaps"))
        ),
        "task": a_model(
            name="others",
            version=3,
            facts=replace(main.facts, task=Task.MULTI_LABEL_CLASSIFICATION),
        ),
    }
    with service.context.sessions.begin() as session:
        for model in (main, rejected, *others.values()):
            models.insert(session, model)
    return main, others
