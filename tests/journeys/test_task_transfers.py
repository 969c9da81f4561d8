"""A tagger and a model of label sets, taken to another language over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.client import BabelportProblem
from tests.support.datasets import LABELS
from tests.support.models import TAGS, a_label_set_classifier, a_token_classifier, zipped
from tests.support.service import Service
from tests.support.tagged import a_conll, a_label_set_jsonl, label_set_rows, tagged_sentences

_PARAMETERS = {"strategy": "full", "max_steps": 60, "learning_rate": 3e-3, "batch_size": 16}


def _transferred(service: Service, model: Path, train: Path, kind: str) -> dict[str, Any]:
    started = service.client.transfers.start_with_files(
        model,
        {"train": train},
        "de",
        "fine-tune",
        _PARAMETERS,
        model_info={"name": kind, "language": "en"},
        datasets={"train": {"kind": kind}},
    )
    done = service.client.transfers.wait(started["id"])
    assert done["state"] == "succeeded", done["failure"]
    found: dict[str, Any] = done
    return found


def test_a_tagger_answers_with_tags_and_entities(working_service: Service, tmp_path: Path) -> None:
    client = working_service.client
    model = zipped(a_token_classifier(tmp_path / "tagger"))
    done = _transferred(
        working_service, model, a_conll(tmp_path / "de.conll", tagged_sentences(60, "de")), "tokens"
    )
    [ours] = [e for e in client.evaluations.of(done["id"])["items"] if e["kind"] == "transferred"]
    assert 0 <= ours["metrics"]["entity_f1"]["low"] <= ours["metrics"]["entity_f1"]["high"] <= 1
    [row] = client.evaluations.rows(ours["id"], limit=1)["items"]
    assert len(row["words"]) == len(row["label"]) == len(row["predicted"])

    text = "ist Nova Max gerade an?"
    of_text, of_words = client.predict(
        done["model_id"], [text, ["ist", "Nova", "Max", "gerade", "an", "?"]]
    )["predictions"]
    assert [w["word"] for w in of_text["words"]] == ["ist", "Nova", "Max", "gerade", "an", "?"]
    assert [w["tag"] for w in of_text["words"]] == [w["tag"] for w in of_words["words"]]
    assert {w["tag"] for w in of_text["words"]} <= set(TAGS)
    assert all(text[w["start"] : w["end"]] == w["word"] for w in of_text["words"])
    for entity in of_text["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
        tag = of_text["words"][entity["first_word"]]["tag"]
        assert tag.endswith(entity["type"])
    with pytest.raises(BabelportProblem) as refused:
        client.predict(done["model_id"], [["a", 3]])
    assert refused.value.code == "input-unusable"


def test_a_model_of_label_sets_answers_with_any_number_of_labels(
    working_service: Service, tmp_path: Path
) -> None:
    model = zipped(a_label_set_classifier(tmp_path / "classifier", labels=LABELS))
    rows = a_label_set_jsonl(tmp_path / "de.jsonl", label_set_rows(96))
    done = _transferred(working_service, model, rows, "multi_labelled")
    listed = working_service.client.evaluations.of(done["id"])["items"]
    scores = {e["kind"]: e["metrics"]["micro_f1"]["value"] for e in listed}
    assert set(scores) == {
        "transferred",
        "source-model",
        "tfidf",
        "linear-probe",
        "majority",
        "chance",
    }
    [answer] = working_service.client.predict(done["model_id"], ["hello 1 play the song"])[
        "predictions"
    ]
    assert set(answer["probabilities"]) == set(LABELS)
    assert answer["labels"] == [name for name, p in answer["probabilities"].items() if p >= 0.5]
    json.dumps(done["result"])
