"""One request that leaves the choice of a method to the service, followed to the end."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.support.datasets import LABELS, a_csv, labelled_rows
from tests.support.models import a_text_classifier, zipped
from tests.support.service import Service


@pytest.fixture(scope="module")
def transfer(working_service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tiny English classifier goes to German, with source rows and texts without labels."""
    folder = tmp_path_factory.mktemp("auto")
    files = {
        "model": zipped(a_text_classifier(folder / "commands", labels=LABELS)),
        "train": a_csv(folder / "train.csv", labelled_rows(60, "de")),
        "source": a_csv(folder / "source.csv", labelled_rows(45, "en")),
        "unlabelled": a_csv(folder / "unlabelled.csv", labelled_rows(90, "de")),
    }
    spec = {"language": "de", "method": "auto", "model": {"name": "commands", "language": "en"}}
    answer = httpx2.post(
        f"{working_service.url}/v1/transfers",
        files={name: (file.name, file.read_bytes()) for name, file in files.items()},
        data={"spec": json.dumps(spec)},
        timeout=120,
    )
    assert answer.status_code == 202, answer.text
    ended = working_service.client.transfers.wait(answer.json()["id"])
    assert ended["state"] == "succeeded", ended["failure"]
    return ended


def test_every_candidate_is_told_with_a_reason(transfer: dict[str, Any]) -> None:
    report = transfer["result"]["report"]
    told = {one["name"]: one for one in report["candidates"]}
    assert {"zero-shot", "joint, logistic", "self-train", "fine-tune, lp-ft"} <= set(told)
    assert all(one["reason"] for one in told.values())
    assert told[report["chosen"]]["outcome"] == "chosen"
    assert "score" in told["self-train"]
    assert told["bridge"]["outcome"] in ("not tried", "not chosen", "stopped")


def test_the_chosen_model_is_better_than_the_untouched_one_and_served(
    transfer: dict[str, Any], working_service: Service
) -> None:
    against = {one["baseline"]: one for one in transfer["result"]["comparisons"]}
    assert against["source-model"]["difference"] > 0.2
    answer = working_service.client.predict(transfer["model_id"], ["spiele das Lied"])
    assert answer["predictions"][0]["label"] in LABELS
