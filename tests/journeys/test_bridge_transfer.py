"""An English-only classifier over HTTP: another encoder before its head, no target label."""

from __future__ import annotations

from typing import Any

import pytest

from app.client import BabelportProblem
from tests.support.bilingual import ENGLISH, GERMAN, a_bilingual_encoder, an_english_classifier
from tests.support.datasets import LABELS, a_csv
from tests.support.models import zipped
from tests.support.service import Service

Records = dict[str, str]


@pytest.fixture(scope="module")
def records(working_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """Models and datasets by name."""
    folder, client = tmp_path_factory.mktemp("files"), working_service.client
    classifier = zipped(an_english_classifier(folder / "intents"))
    encoder = zipped(a_bilingual_encoder(folder / "bilingual"))
    english = [(t, LABELS[i], "") for t, i in zip(ENGLISH.inputs, ENGLISH.targets, strict=True)]
    german = [(t, LABELS[i], "") for t, i in zip(GERMAN.inputs, GERMAN.targets, strict=True)]
    plain = folder / "plain.csv"
    plain.write_text("text\n" + "\n".join(GERMAN.inputs[:36]) + "\n", encoding="utf-8")
    test = a_csv(folder / "test.csv", german[36:])
    made = {
        "classifier": client.models.upload(classifier, name="intents", language="en"),
        "encoder": client.models.upload(encoder, name="bilingual", language="de"),
        "english": client.datasets.upload(a_csv(folder / "en.csv", english), language="en"),
        "plain": client.datasets.upload(plain, language="de", kind="unlabelled"),
        "test": client.datasets.upload(test, language="de"),
    }
    return {name: record["id"] for name, record in made.items()}


def start(service: Service, records: Records, *roles: str, **chosen: Any) -> dict[str, Any]:
    names = {"source": "english", "unlabelled": "plain", "test": "test"}
    datasets = {role: records[names[role]] for role in roles or names}
    asked = {"auxiliary_model": records["encoder"]} | chosen
    return service.client.transfers.start(records["classifier"], "de", datasets, "bridge", **asked)


def test_one_model_answers_both_languages_and_is_trained_further(
    working_service: Service, records: Records
) -> None:
    client = working_service.client
    ended = client.transfers.wait(start(working_service, records)["id"])
    assert ended["state"] == "succeeded", ended["failure"]
    assert ended["result"]["report"]["map"]["rank"] == 32
    scores = {
        evaluation["kind"]: evaluation["metrics"]["accuracy"]["value"]
        for evaluation in client.evaluations.of(ended["id"])["items"]
    }
    assert scores["transferred"] > scores["source-model"] + 0.2
    for rows in (ENGLISH, GERMAN):
        answered = client.predict(ended["model_id"], rows.inputs)["predictions"]
        right = [a["label"] == LABELS[t] for a, t in zip(answered, rows.targets, strict=True)]
        assert sum(right) > 0.8 * len(right)
    further = client.transfers.start(
        ended["model_id"],
        "de",
        {"train": records["test"]},
        "fine-tune",
        parameters={"strategy": "head", "max_steps": 10},
    )
    assert client.transfers.wait(further["id"])["state"] == "succeeded"


@pytest.mark.parametrize(
    ("roles", "chosen", "code"),
    [
        (("source",), {"auxiliary_model": None}, "nothing-to-bridge"),
        (("source",), {"parameters": {"rank": 54}}, "too-few-rows-for-map"),
        (("unlabelled",), {}, "no-role-of"),
    ],
)
def test_what_cannot_work_is_refused_before_it_is_queued(
    working_service: Service,
    records: Records,
    roles: tuple[str, ...],
    chosen: dict[str, Any],
    code: str,
) -> None:
    with pytest.raises(BabelportProblem) as refused:
        start(working_service, records, *roles, **chosen)
    assert refused.value.code == code
    assert refused.value.status == 422
