"""Models of every task, asked about a whole dataset by a real worker."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.client import AsyncClient, Client
from app.services.artifacts import collect_artifacts
from tests.support.datasets import a_csv, an_npz, digit_images, labelled_rows
from tests.support.models import (
    INTENTS,
    a_declared_digit_reader,
    a_label_set_classifier,
    a_text_classifier,
    a_token_classifier,
    zipped,
)
from tests.support.service import Service
from tests.support.tagged import a_conll, a_label_set_jsonl, label_set_rows, tagged_sentences

Rows = list[dict[str, Any]]


def _intents(client: Client, folder: Path) -> tuple[str, str, list[Any]]:
    """A model, a dataset, and what to ask about each row otherwise."""
    model = client.models.upload(zipped(a_text_classifier(folder / "intents")))["id"]
    rows = labelled_rows(30, "de")
    dataset = client.datasets.upload(a_csv(folder / "rows.csv", rows), "de")["id"]
    return model, dataset, [text for text, _, _ in rows]


def _wishes(client: Client, folder: Path) -> tuple[str, str, list[Any]]:
    model = client.models.upload(zipped(a_label_set_classifier(folder / "wishes")))["id"]
    rows = label_set_rows(30)
    file = a_label_set_jsonl(folder / "rows.jsonl", rows)
    dataset = client.datasets.upload(file, "en", kind="multi_labelled")["id"]
    return model, dataset, [text for text, _ in rows]


def _names(client: Client, folder: Path) -> tuple[str, str, list[Any]]:
    model = client.models.upload(zipped(a_token_classifier(folder / "names")))["id"]
    rows = tagged_sentences(30)
    dataset = client.datasets.upload(a_conll(folder / "rows.conll", rows), "en", kind="tokens")
    return model, dataset["id"], [list(words) for words, _ in rows]


def _digits(client: Client, folder: Path) -> tuple[str, str, list[Any]]:
    model = client.models.upload(zipped(a_declared_digit_reader(folder / "reader")))["id"]
    images, labels = digit_images(30)
    dataset = client.datasets.upload(an_npz(folder / "rows.npz", images, labels), "bn")["id"]
    return model, dataset, images.tolist()


@pytest.mark.parametrize("of", [_intents, _wishes, _names, _digits])
def test_every_row_is_answered_as_predict_answers_it_in_every_format(
    working_service: Service, tmp_path: Path, of: Callable[..., tuple[str, str, list[Any]]]
) -> None:
    client = working_service.client
    model, dataset, inputs = of(client, tmp_path)
    batch = client.batch_predictions.start(model, dataset)
    done = client.batch_predictions.wait(batch["id"])
    assert (done["state"], done["rows_done"], done["rows"]) == ("succeeded", 30, 30), done
    assert done["started_at"] is not None
    table, lines, cells = _in_each_format(client, batch["id"], tmp_path)
    assert [row["row"] for row in table] == list(range(1, 31))
    assert all("label" in row for row in table)
    _same_answers(lines, client.predict(model, inputs)["predictions"])
    for row, line, cell in zip(table, lines, cells, strict=True):
        assert line["predicted"] == row["predicted"]
        assert np.float32(line["confidence"]) == np.float32(row["confidence"])
        said = cell["predicted"]
        assert row["predicted"] == (json.loads(said) if said.startswith("[") else said)
        assert float(cell["confidence"]) == line["confidence"]


def _in_each_format(client: Client, id: str, folder: Path) -> tuple[Rows, Rows, Rows]:
    results = client.batch_predictions.results
    file = results(id, folder / "results.parquet")
    assert file.stat().st_size == client.batch_predictions.get(id)["size_bytes"]
    lines = results(id, folder / "results.jsonl", format="jsonl").read_text("utf-8").splitlines()
    with results(id, folder / "results.csv", format="csv").open(newline="") as opened:
        cells = list(csv.DictReader(opened))
    return pq.read_table(file).to_pylist(), [json.loads(line) for line in lines], cells


def _same_answers(lines: Rows, answers: Rows) -> None:
    for line, answer in zip(lines, answers, strict=True):
        if "words" in answer:
            assert line["predicted"] == [word["tag"] for word in answer["words"]]
            found = [(one["type"], one["first_word"], one["last_word"]) for one in line["entities"]]
            assert found == [
                (one["type"], one["first_word"], one["last_word"]) for one in answer["entities"]
            ]
            continue
        assert line["predicted"] == answer.get("label", answer.get("labels"))
        assert line["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)


def test_texts_without_labels_are_answered_without_a_truth_by_the_other_client_as_well(
    working_service: Service, tmp_path: Path
) -> None:
    client = working_service.client
    model = client.models.upload(zipped(a_text_classifier(tmp_path / "intents")))["id"]
    (tmp_path / "rows.txt").write_text("switch it on\nplay it again\n", encoding="utf-8")
    rows = client.datasets.upload(tmp_path / "rows.txt", "en", kind="unlabelled")["id"]

    async def ask() -> Path:
        async with AsyncClient(working_service.url) as asking:
            batch = await asking.batch_predictions.start(model, rows, name="two-texts")
            await asking.batch_predictions.wait(batch["id"])
            return await asking.batch_predictions.results(
                batch["id"], tmp_path / "results.jsonl", format="jsonl"
            )

    lines = [json.loads(line) for line in asyncio.run(ask()).read_text().splitlines()]
    assert [line["text"] for line in lines] == ["switch it on", "play it again"]
    assert all("label" not in line for line in lines)
    assert all(list(line["probabilities"]) == list(INTENTS) for line in lines)


def test_collection_leaves_results_alone_and_deletion_takes_them_along(
    working_service: Service, tmp_path: Path
) -> None:
    client, context = working_service.client, working_service.context
    model, dataset, _ = _intents(client, tmp_path)
    id = client.batch_predictions.start(model, dataset)["id"]
    client.batch_predictions.wait(id)
    collect_artifacts(context, older_than=0)
    kept = client.batch_predictions.results(id, tmp_path / "kept.parquet")
    before = len(working_service.stored_files())
    assert pq.read_metadata(kept).num_rows == 30
    client.batch_predictions.delete(id)
    assert len(working_service.stored_files()) == before - 1
