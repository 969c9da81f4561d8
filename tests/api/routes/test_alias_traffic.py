"""Requests under an alias while it moves, divided with a canary, and followed by a shadow."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.client import BabelportProblem
from app.serving.dataplane import DataPlane
from app.settings import Settings
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.service import Service, running_service
from tests.support.waiting import wait_for

_TEXTS = list(SENTENCES)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two classifiers that agree on half of the texts."""
    folder = tmp_path_factory.mktemp("models")
    return [
        zipped(a_text_classifier(folder / f"m{seed}", seed=seed, initializer_range=0.6))
        for seed in (0, 1)
    ]


@pytest.fixture(scope="module")
def intents(quiet_service: Service, files: list[Path]) -> Service:
    """The service of this file's tests, with two versions of `intents`; each has its own alias."""
    return _with_versions(quiet_service, files)


def test_an_alias_moves_under_load_without_a_failed_or_a_foreign_answer(intents: Service) -> None:
    client = intents.client
    client.aliases.point("intents", "champion", 1)
    expected = {v: client.predict(f"intents@{v}", _TEXTS)["predictions"] for v in (1, 2)}
    over, counts = threading.Event(), {1: 0, 2: 0}

    def ask(turn: int) -> None:
        while not over.is_set():
            answer = client.predict("intents@champion", [_TEXTS[turn]])
            version = answer["model"]["version"]
            wanted = expected[version][turn]["probabilities"]
            assert answer["predictions"][0]["probabilities"] == pytest.approx(wanted, abs=1e-4)
            counts[version] += 1

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(ask, turn) for turn in range(6)]
        try:
            for swap in range(20):
                version = 2 - swap % 2
                client.aliases.point("intents", "champion", version)
                # Whoever asks after the answer is answered by the new version.
                assert client.predict("intents@champion", ["hi"])["model"]["version"] == version
        finally:
            over.set()
        for one in asking:
            one.result()
    assert min(counts.values()) > 0


def test_a_new_version_and_a_deleted_one_are_seen_at_once(
    intents: Service, files: list[Path]
) -> None:
    client = intents.client
    assert client.predict("intents", ["hi"])["model"]["version"] == 2
    client.models.upload(files[0], name="intents")
    assert client.predict("intents", ["hi"])["model"]["version"] == 3
    client.models.delete("intents@3")
    assert client.predict("intents", ["hi"])["model"]["version"] == 2
    client.aliases.point("intents", "newest", 1)
    assert client.predict("intents@newest", ["hi"])["model"]["version"] == 1
    client.aliases.remove("intents", "newest")
    gone = httpx2.post(f"{intents.url}/v1/models/intents@newest/predict", json={"input": "hi"})
    assert (gone.status_code, gone.json()["code"]) == (404, "model-not-found")


def test_an_alias_does_not_move_to_a_model_that_cannot_be_loaded(
    intents: Service, tmp_path: Path
) -> None:
    client = intents.client
    client.aliases.point("intents", "safe", 1)
    lost = client.models.upload(
        zipped(a_text_classifier(tmp_path / "lost", seed=9)), name="intents"
    )
    intents.context.artifacts.remove(lost["sha256"])
    for change in ({"model": lost["id"]}, {"model": 1, "shadow": {"model": lost["id"]}}):
        with pytest.raises(BabelportProblem) as refused:
            client.aliases.point("intents", "safe", **change)
        assert refused.value.status >= 500
    found = client.aliases.get("intents", "safe")
    assert (found["model"]["version"], found["shadow"], found["revision"]) == (1, None, 1)
    client.models.delete(lost["id"])


def test_a_canary_answers_its_share_and_a_route_key_stays_with_one_model(intents: Service) -> None:
    client = intents.client
    client.aliases.point("intents", "tried", 1, canary={"model": 2, "percent": 25})
    _draw_with(intents, random.Random(3))
    versions = [client.predict("intents@tried", ["hi"])["model"]["version"] for _ in range(200)]
    drawn = random.Random(3)
    assert versions == [2 if drawn.random() < 0.25 else 1 for _ in range(200)]

    found = client.aliases.comparison("intents", "tried")
    counted = {one["model"]["version"]: one for one in found["answers"]}
    assert {v: counted[v]["requests"] for v in (1, 2)} == {v: versions.count(v) for v in (1, 2)}
    assert all(1 / 3 < one["mean_confidence"] <= 1 for one in counted.values())
    assert found["shadows"] == []

    url = f"{intents.url}/v1/models/intents@tried/predict"
    for user in ("a", "b", "c", "d"):
        arguments = {"headers": {"X-Babelport-Route-Key": user}, "json": {"input": "hi"}}
        answers = [httpx2.post(url, timeout=60, **arguments).json() for _ in range(5)]
        assert len({answer["model"]["version"] for answer in answers}) == 1


def test_a_shadow_is_asked_too_and_every_answer_is_compared(intents: Service) -> None:
    client = intents.client
    main, shadow = (client.predict(f"intents@{v}", _TEXTS)["predictions"] for v in (1, 2))
    pairs = list(zip(main, shadow, strict=True))
    same = sum(one["label"] == other["label"] for one, other in pairs)
    assert 0 < same < len(_TEXTS), "the two models must differ on some of the texts"
    apart = [
        abs(one["probabilities"][one["label"]] - other["probabilities"][one["label"]])
        for one, other in pairs
    ]
    client.aliases.point("intents", "followed", 1, shadow={"model": 2})
    for _ in range(3):
        answer = client.predict("intents@followed", _TEXTS)
        assert answer["model"]["version"] == 1
    [found] = wait_for(lambda: _shadows(client, "followed", requests=3))
    assert (found["model"]["version"], found["shadow"]["version"]) == (1, 2)
    assert (found["requests"], found["inputs"]) == (3, 3 * len(_TEXTS))
    assert (found["agreements"], found["failures"], found["passed_over"]) == (3 * same, 0, 0)
    assert found["mean_difference"] == pytest.approx(sum(apart) / len(apart), abs=1e-4)
    assert found["largest_difference"] == pytest.approx(max(apart), abs=1e-4)
    assert found["agreement"]["low"] < same / len(_TEXTS) < found["agreement"]["high"]
    assert found["mean_seconds"] > 0
    assert found["shadow_mean_seconds"] > 0
    sample = found["disagreements"]
    assert len(sample) == 3 * (len(_TEXTS) - same)
    assert all(one["answer"]["label"] != one["shadow_answer"]["label"] for one in sample)
    assert {one["input"] for one in sample} == {None}


def test_counts_outlive_the_service_and_texts_are_kept_where_that_is_allowed(
    tmp_path: Path, one_database_url: str, files: list[Path]
) -> None:
    settings = Settings(data_dir=tmp_path / "var", database_url=one_database_url, record_texts=True)
    with running_service(settings) as service:
        client = _with_versions(service, files).client
        client.aliases.point("intents", "followed", 1, shadow={"model": 2})
        client.predict("intents@followed", _TEXTS)
        wait_for(lambda: _shadows(client, "followed", requests=1))
        client.predict("intents@followed", ["hi", "there"])
    with running_service(settings) as service:
        found = service.client.aliases.comparison("intents", "followed")
    assert [(one["requests"], one["inputs"]) for one in found["answers"]] == [(2, 10)]
    texts = [one["input"] for one in found["shadows"][0]["disagreements"]]
    assert set(texts) & set(_TEXTS)
    assert set(texts) <= {*_TEXTS, "hi", "there"}


def _with_versions(service: Service, files: list[Path]) -> Service:
    for file in files:
        service.client.models.upload(file, name="intents")
    return service


def _shadows(client: Any, alias: str, requests: int) -> list[dict[str, Any]]:
    found = client.aliases.comparison("intents", alias)["shadows"]
    return found if found and found[0]["requests"] >= requests else []


def _draw_with(service: Service, generator: random.Random) -> None:
    dataplane: DataPlane = service.dataplane
    dataplane._draw = generator.random
