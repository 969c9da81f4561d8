"""A classifier over HTTP: a tokenizer of another language, then a vocabulary cut to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.alike import assert_alike
from tests.support.ciphers import an_english_classifier, commands_in_cipher, words
from tests.support.datasets import LABELS, a_csv
from tests.support.models import zipped
from tests.support.service import Service

Records = dict[str, str]
ROWS = commands_in_cipher()
TEXTS = [str(text) for text in ROWS.inputs]
SEEN = 27  # the others are the same commands with a number behind them


@pytest.fixture(scope="module")
def records(working_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The English classifier, and texts, word pairs and test rows of the other spelling."""
    folder, client = tmp_path_factory.mktemp("files"), working_service.client
    plain, pairs = folder / "plain.csv", folder / "pairs.csv"
    plain.write_text("text\n" + "\n".join(TEXTS[:SEEN]) + "\n", encoding="utf-8")
    lines = [f"{one},{other}" for one, other in zip(words().source, words().target, strict=True)]
    pairs.write_text("source,target\n" + "\n".join(lines) + "\n", encoding="utf-8")
    test = [(text, LABELS[t], "") for text, t in zip(TEXTS, ROWS.targets, strict=True)]
    model = zipped(an_english_classifier(folder / "intents"))
    made = {
        "model": client.models.upload(model, name="intents", language="en"),
        "plain": client.datasets.upload(plain, language="de", kind="unlabelled"),
        "pairs": client.datasets.upload(pairs, language="de", kind="dictionary"),
        "test": client.datasets.upload(a_csv(folder / "test.csv", test[SEEN:]), language="de"),
    }
    return {name: record["id"] for name, record in made.items()}


def ended(service: Service, model: str, roles: Records, method: str, **chosen: Any) -> Any:
    client = service.client
    started = client.transfers.start(model, "de", roles, method, parameters=chosen)
    return client.transfers.wait(started["id"])


def test_a_model_learns_a_vocabulary_and_is_cut_to_it_with_the_same_answers(
    working_service: Service, records: Records
) -> None:
    client = working_service.client
    roles = {
        "unlabelled": records["plain"],
        "dictionary": records["pairs"],
        "test": records["test"],
    }
    moved = ended(working_service, records["model"], roles, "vocabulary")
    assert moved["state"] == "succeeded", moved["failure"]
    assert moved["result"]["report"]["dictionary"]["used"] == len(words())
    scores = {
        evaluation["kind"]: evaluation["metrics"]["accuracy"]["value"]
        for evaluation in client.evaluations.of(moved["id"])["items"]
    }
    assert scores["transferred"] > max(scores["source-model"], 0.8)
    cut = ended(working_service, moved["model_id"], {"unlabelled": records["plain"]}, "trim")
    assert cut["state"] == "succeeded", cut["failure"]
    rows = cut["result"]["report"]["rows"]
    assert rows["after"] < rows["before"]
    models = [each["model_id"] for each in (moved, cut)]
    sizes = [client.models.get(model)["facts"]["parameters"] for model in models]
    assert sizes[0] - sizes[1] == 32 * (rows["before"] - rows["after"])
    answers = [client.predict(model, TEXTS[:SEEN])["predictions"] for model in models]
    assert_alike(*answers)
