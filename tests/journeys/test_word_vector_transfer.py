"""Word vectors over HTTP: a classifier, another language's vectors, a dictionary, one model."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from app.client import BabelportProblem
from app.learn.data.examples import Examples, TextPairs
from tests.support.models import INTENTS, zipped
from tests.support.service import Service
from tests.support.two_languages import two_languages
from tests.support.word_vectors import some_vectors, write_text_vectors

WHEN = ("before", "after")
LANGUAGES = two_languages()


def _rows(file: Path, examples: Examples) -> Path:
    with file.open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["text", "label"])
        for text, label in zip(examples.inputs, examples.targets, strict=True):
            rows.writerow([text, INTENTS[label]])
    return file


def _pairs(file: Path, pairs: TextPairs) -> Path:
    with file.open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["source", "target"])
        rows.writerows(zip(pairs.source, pairs.target, strict=True))
    return file


@pytest.fixture(scope="module")
def records(working_service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Models and datasets by name."""
    folder, client = tmp_path_factory.mktemp("files"), working_service.client
    classifier = zipped(LANGUAGES.classifier(folder / "intents"))
    german = LANGUAGES.target_vectors(folder / "german.vec")
    narrow = write_text_vectors(folder / "narrow.vec", ["a", "b"], some_vectors(2, 5))
    pairs = _pairs(folder / "pairs.csv", LANGUAGES.dictionary(150))
    test = _rows(folder / "test.csv", LANGUAGES.texts("v"))
    source_test = _rows(folder / "source_test.csv", LANGUAGES.texts("w", seed=6))
    made = {
        "classifier": client.models.upload(classifier, name="intents", language="en"),
        "german": client.models.upload(german, name="german", language="de"),
        "narrow": client.models.upload(narrow, name="narrow", language="de"),
        "pairs": client.datasets.upload(pairs, language="de", kind="dictionary"),
        "test": client.datasets.upload(test, language="de"),
        "source_test": client.datasets.upload(source_test, language="en"),
    }
    return {name: record["id"] for name, record in made.items()}


def _start(service: Service, records: dict[str, str], **chosen: Any) -> dict[str, Any]:
    datasets = {role: records[name] for role, name in (("dictionary", "pairs"), ("test", "test"))}
    datasets["source_test"] = records["source_test"]
    asked = {"parameters": {"vocabulary": 300, "patience": 2}, "auxiliary_model": "german"} | chosen
    return service.client.transfers.start(records["classifier"], "de", datasets, "align", **asked)


def test_the_classifier_answers_in_the_other_language_and_forgets_nothing(
    working_service: Service, records: dict[str, str]
) -> None:
    client = working_service.client
    ended = client.transfers.wait(_start(working_service, records)["id"])
    assert ended["state"] == "succeeded", ended["failure"]
    report = ended["result"]["report"]
    assert report["lexicon_induction"]["csls"]["p_at_1"]["value"] > 0.9
    assert ended["result"]["forgetting"]["difference"] == 0
    advice = ended["result"]["advice"]
    distances = [advice["language_distance"][when]["mean_distance"] for when in WHEN]
    unknown = [advice["tokenizer"][when]["target"]["unknown_share"] for when in WHEN]
    assert distances[1] < 0.5 < distances[0]
    assert unknown[1] < 0.1 < unknown[0]
    scores = {
        evaluation["kind"]: evaluation["metrics"]["accuracy"]["value"]
        for evaluation in client.evaluations.of(ended["id"])["items"]
    }
    assert scores["transferred"] > 0.9 > scores["source-model"]
    model = client.models.get(ended["model_id"])
    assert model["languages"] == ["en", "de"]
    assert (model["facts"]["format"], model["facts"]["words"]) == ("word_vectors", 600)
    texts = LANGUAGES.texts("v", rows=5)
    told = client.predict(ended["model_id"], list(texts.inputs))["predictions"]
    assert [one["label"] for one in told] == [INTENTS[target] for target in texts.targets]


@pytest.mark.parametrize(
    ("auxiliary_model", "code"),
    [
        (None, "auxiliary-model-missing"),
        ("starter", "auxiliary-model-unfit"),
        ("narrow", "widths-differ"),
        ("nobody", "model-not-found"),
    ],
)
def test_an_auxiliary_model_that_will_not_do_is_refused_at_once(
    working_service: Service, records: dict[str, str], auxiliary_model: str | None, code: str
) -> None:
    with pytest.raises(BabelportProblem) as refused:
        _start(working_service, records, auxiliary_model=auxiliary_model)
    assert refused.value.code == code


def test_a_dictionary_of_other_words_fails_with_counts(
    working_service: Service, records: dict[str, str], tmp_path: Path
) -> None:
    client = working_service.client
    file = _pairs(tmp_path / "pairs.csv", TextPairs(("dog", "w1"), ("hund", "v1")))
    strange = client.datasets.upload(file, language="de", kind="dictionary")
    started = client.transfers.start(
        records["classifier"],
        "de",
        {"dictionary": strange["id"]},
        "align",
        auxiliary_model="german",
    )
    ended = client.transfers.wait(started["id"])
    assert ended["state"] == "failed"
    assert ended["failure"]["code"] == "dictionary-too-small"
    assert ended["failure"]["fields"]["missing_source"] == 1
    assert ended["failure"]["fields"]["needed"] == 12
