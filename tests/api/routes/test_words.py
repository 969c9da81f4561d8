"""Neighbours and translations of words over HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from app.client import AsyncClient, BabelportProblem
from tests.support.models import a_text_classifier, zipped
from tests.support.service import Service
from tests.support.two_languages import TwoLanguages, two_languages
from tests.support.word_vectors import some_vectors, word_vectors, write_text_vectors

LANGUAGES: TwoLanguages = two_languages()


@pytest.fixture(scope="module")
def models(quiet_service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """`both` holds two languages in one space, `en` and `de` one each; ids by name."""
    folder, upload = tmp_path_factory.mktemp("models"), quiet_service.client.models.upload
    english, german = LANGUAGES.words("w"), LANGUAGES.words("v")
    vectors = np.concatenate([LANGUAGES.source, 3 * LANGUAGES.source + 0.05])
    both = word_vectors(folder / "both", english + german, vectors)
    described = [{"language": language, "words": 300} for language in ("en", "de")]
    (both / "word_vectors.json").write_text(json.dumps({"vocabularies": described}))
    files = {
        "both": zipped(both),
        "en": write_text_vectors(folder / "en.vec", english, LANGUAGES.source),
        "de": write_text_vectors(folder / "de.vec", german, LANGUAGES.source),
        "narrow": write_text_vectors(folder / "narrow.vec", ["a", "b"], some_vectors(2, 5)),
        "other": zipped(a_text_classifier(folder / "other")),
    }
    return {name: upload(file, name=name)["id"] for name, file in files.items()}


@pytest.mark.parametrize("measure", ["cosine", "csls"])
def test_the_neighbours_of_a_word_are_the_nearest_others(
    quiet_service: Service, models: dict[str, str], measure: str
) -> None:
    response = quiet_service.client.neighbours(
        models["both"], ["w3", "W7", "nobody"], k=4, measure=measure
    )
    assert (response["language"], response["target_language"], response["unknown"]) == (
        "en",
        "en",
        ["nobody"],
    )
    unit = LANGUAGES.source / np.linalg.norm(LANGUAGES.source, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    near = np.sort(cosines, axis=1)[:, -10:].mean(axis=1)
    scores = cosines if measure == "cosine" else 2 * cosines - near[:, None] - near[None, :]
    for result, place in zip(response["results"], (3, 7), strict=True):
        wanted = np.argsort(-scores[place])[:4]
        assert [one["word"] for one in result["matches"]] == [f"w{n}" for n in wanted]
        assert result["matches"][0]["score"] == pytest.approx(scores[place, wanted[0]], abs=1e-5)
    assert [result["word"] for result in response["results"]] == ["w3", "W7"]


def test_words_are_translated_within_a_model_and_between_two(
    quiet_service: Service, models: dict[str, str]
) -> None:
    client, words = quiet_service.client, ["w1", "w200", "w33"]
    within = client.translations(models["both"], words, k=1)
    between = client.translations(models["en"], words, k=1, target_model="de", measure="cosine")
    back = client.translations(
        models["both"], ["v1", "v200", "v33"], language="de", target_language="en", k=1
    )
    assert (within["measure"], between["measure"]) == ("csls", "cosine")
    assert (within["language"], within["target_language"]) == ("en", "de")
    for response, letter in ((within, "v"), (between, "v"), (back, "w")):
        found = [result["matches"][0]["word"] for result in response["results"]]
        assert found == [f"{letter}1", f"{letter}200", f"{letter}33"]


@pytest.mark.parametrize(
    ("model", "address", "body", "status", "code"),
    [
        ("both", "neighbours", {"words": ["x", "y"]}, 422, "words-unknown"),
        ("both", "neighbours", {"words": ["w1"], "language": "fr"}, 422, "language-not-in-model"),
        ("en", "translations", {"words": ["w1"]}, 422, "language-not-in-model"),
        ("en", "translations", {"words": ["w1"], "target_model": "narrow"}, 422, "widths-differ"),
        ("en", "translations", {"words": ["w1"], "target_model": "x"}, 404, "model-not-found"),
        ("other", "neighbours", {"words": ["w1"]}, 409, "no-word-vectors"),
        ("both", "neighbours", {"words": []}, 422, "request-invalid"),
        ("both", "neighbours", {"words": ["w1"], "k": 0}, 422, "request-invalid"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_code(
    quiet_service: Service,
    models: dict[str, str],
    model: str,
    address: str,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    url = f"{quiet_service.url}/v1/models/{models[model]}/{address}"
    answer = httpx2.post(url, json=body, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_both_clients_ask_alike(quiet_service: Service, models: dict[str, str]) -> None:
    async def ask() -> list[dict[str, Any]]:
        async with AsyncClient(quiet_service.url) as client:
            near = await client.neighbours("both", ["w1"], k=2)
            return [near, await client.translations("both", ["w1"], k=2)]

    client = quiet_service.client
    assert asyncio.run(ask()) == [
        client.neighbours("both", ["w1"], k=2),
        client.translations("both", ["w1"], k=2),
    ]
    with pytest.raises(BabelportProblem):
        client.predict(models["en"], ["w1"])


def test_a_file_of_vectors_is_given_back_as_it_came(
    quiet_service: Service, models: dict[str, str], tmp_path: Path
) -> None:
    file = quiet_service.client.models.download(models["narrow"], tmp_path / "narrow.vec")
    assert file.read_bytes().startswith(b"2 5\na ")
    answer = httpx2.get(f"{quiet_service.url}/v1/models/narrow/artifact")
    assert 'filename="narrow-1.vec"' in answer.headers["content-disposition"]


def test_the_first_words_and_the_pooling_can_be_chosen(
    quiet_service: Service, tmp_path: Path
) -> None:
    file = write_text_vectors(tmp_path / "few.vec", ["a", "b", "c"], some_vectors(3))
    vectors_field = {"words": 2, "pooling": "sif"}
    facts = quiet_service.client.models.upload(file, vectors=vectors_field)["facts"]
    assert (facts["words"], facts["architecture"]) == (2, "WordVectors-sif")
    assert facts["notes"] == ["Only the first 2 words were read."]
    with pytest.raises(BabelportProblem) as refused:
        quiet_service.client.models.upload(file, vectors={"pooling": "max"})
    assert refused.value.code == "request-invalid"
