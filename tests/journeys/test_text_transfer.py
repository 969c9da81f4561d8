"""One request with a text model and its data, as a newcomer sends it, followed to the end."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest

from tests.support.datasets import LABELS, a_csv, labelled_rows
from tests.support.models import a_text_classifier, zipped
from tests.support.service import Service

_PARAMETERS = {"strategy": "full", "max_steps": 150, "learning_rate": 3e-3, "batch_size": 16}


@pytest.fixture(scope="module")
def transfer(working_service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The transfer of a tiny English classifier into German, when it is over."""
    folder = tmp_path_factory.mktemp("text")
    model = zipped(a_text_classifier(folder / "intents", labels=LABELS))
    data = a_csv(folder / "train.csv", labelled_rows(90, "de"))
    source = a_csv(folder / "source_test.csv", labelled_rows(30, "en"))
    spec = {
        "language": "de",
        "method": "fine-tune",
        "parameters": _PARAMETERS,
        "validation_fraction": 0.15,
        "model": {"name": "intents", "language": "en"},
        "datasets": {"train": {"name": "german", "group": "group"}},
    }
    with model.open("rb") as m, data.open("rb") as d, source.open("rb") as s:
        answer = httpx2.post(
            f"{working_service.url}/v1/transfers",
            files={"model": m, "train": d, "source_test": s},
            data={"spec": json.dumps(spec)},
            timeout=120,
        )
    assert answer.status_code == 202, answer.text
    queued = answer.json()
    assert answer.headers["Location"] == f"/v1/transfers/{queued['id']}"
    assert queued["state"] == "queued"
    events: list[dict[str, Any]] = []
    ended = working_service.client.transfers.wait(queued["id"], events.append)
    assert ended["state"] == "succeeded", ended["failure"]
    return ended | {"events": events}


def test_the_history_runs_from_queued_to_succeeded_with_progress(transfer: dict[str, Any]) -> None:
    kept = [event for event in transfer["events"] if event["sequence"] is not None]
    assert [event["sequence"] for event in kept] == list(range(1, len(kept) + 1))
    kinds = [event["kind"] for event in transfer["events"]]
    assert (kinds[0], kinds[-1]) == ("queued", "succeeded")
    fractions = [e["data"]["fraction"] for e in transfer["events"] if e["kind"] == "progress"]
    assert fractions
    assert fractions == sorted(fractions)


def test_the_new_model_descends_from_the_old_and_can_be_downloaded(
    working_service: Service, transfer: dict[str, Any], tmp_path: Path
) -> None:
    client = working_service.client
    model = client.models.get(transfer["model_id"])
    assert model["name"] == "intents-de"
    assert sorted(model["languages"]) == ["de", "en"]
    [ancestor] = client.models.lineage(model["id"])["items"]
    assert ancestor["id"] == transfer["spec"]["model_id"]
    assert ancestor["transfer_id"] == transfer["id"]
    file = client.models.download(model["id"], tmp_path / "new.zip")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == model["sha256"]


def test_it_is_scored_beside_its_baselines_on_the_same_rows(
    working_service: Service, transfer: dict[str, Any]
) -> None:
    listed = working_service.client.evaluations.of(transfer["id"])["items"]
    scores = {evaluation["kind"]: evaluation for evaluation in listed}
    assert set(scores) == {
        "transferred",
        "source-model",
        "tfidf",
        "linear-probe",
        "majority",
        "chance",
        "source-before",
        "source-after",
    }
    ours = scores["transferred"]["metrics"]["accuracy"]
    assert ours["low"] <= ours["value"] <= ours["high"]
    assert ours["value"] > scores["majority"]["metrics"]["accuracy"]["value"]
    assert len({scores[k]["rows"] for k in ("transferred", "source-model", "tfidf")}) == 1
    found = working_service.client.evaluations.list(transfer=transfer["id"])["items"]
    assert {e["id"] for e in found} == {e["id"] for e in listed}


def test_its_rows_are_read_worst_first(working_service: Service, transfer: dict[str, Any]) -> None:
    client = working_service.client
    ours = next(
        e for e in client.evaluations.of(transfer["id"])["items"] if e["kind"] == "transferred"
    )
    rows = client.evaluations.rows(ours["id"], limit=200)
    assert rows["total"] == ours["rows"] == len(rows["items"])
    sure = [row["probability_of_label"] for row in rows["items"]]
    assert sure == sorted(sure)
    assert all(row["text"] and row["predicted"] in LABELS for row in rows["items"])


def test_the_split_shares_no_group_between_train_and_test(
    working_service: Service, transfer: dict[str, Any]
) -> None:
    client = working_service.client
    roles = client.transfers.split(transfer["id"])["roles"]
    sides = [set(roles[role]["rows"]) for role in ("train", "validation", "test")]
    assert sum(len(side) for side in sides) == len(set().union(*sides))
    dataset = client.datasets.get(transfer["spec"]["datasets"]["train"])
    table = pq.read_table(working_service.context.artifacts.path(dataset["sha256"]))
    groups = dict(zip(table["row"].to_pylist(), table["group"].to_pylist(), strict=True))
    train, _, test = ({groups[row] for row in side} for side in sides)
    assert not train & test


def test_the_new_model_answers(working_service: Service, transfer: dict[str, Any]) -> None:
    sentences = [text for text, _, _ in labelled_rows(6, "de")]
    answer = working_service.client.predict("intents-de", sentences)
    assert len(answer["predictions"]) == 6
    for prediction in answer["predictions"]:
        assert prediction["label"] in LABELS
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-4)
