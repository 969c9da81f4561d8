"""The demo over HTTP, with a tiny encoder in place of the starter."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.demo.command import follow_transfer, upload_and_transfer
from app.cli.demo.english_classifier import train_english_classifier
from app.cli.demo.report import print_addresses, print_evaluations, print_predictions
from app.cli.demo.sentences import DemoSentences, draw_split
from app.cli.demo.templates import read_templates
from app.domain.errors.service import DemoTransferFailed
from tests.support.models import an_encoder
from tests.support.service import Service

pytest.importorskip("home_assistant_intents", reason="the demo's packages are not installed")
_INTENTS = ["HassLightSet", "HassSetVolume", "HassStartTimer", "HassTimerStatus", "HassTurnOff"]


def test_the_demo_goes_from_templates_to_scores_and_predictions(
    working_service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, heard = working_service, []
    sentences = DemoSentences(
        "de",
        english=draw_split(read_templates("en"), _INTENTS, 6, 3, seed=0),
        target=draw_split(read_templates("de"), _INTENTS, 4, 4, seed=0),
    )
    model = tmp_path / "english.zip"

    accuracy = train_english_classifier(
        an_encoder(tmp_path / "starter"), sentences.english, model, heard.append
    )
    files = sentences.write(tmp_path)
    transfer = upload_and_transfer(service.client, "de", model, files)
    print_evaluations(service.client, transfer, "de")
    print_predictions(service.client, transfer["model_id"], sentences.target.test[:3])
    print_addresses(service.url, transfer)

    shown = capsys.readouterr().out
    assert 0 <= accuracy <= 1
    assert heard[-1] == pytest.approx(1.0)
    for expected in ("transferred model", "TF-IDF", "majority class", "after the transfer"):
        assert expected in shown
    assert sentences.target.test[0].text in shown
    assert f"{service.url}/v1/models/{transfer['model_id']}" in shown
    split = service.client.transfers.split(transfer["id"])
    assert split


def test_a_transfer_that_does_not_succeed_ends_the_demo_with_its_reason(
    service: Service, tmp_path: Path
) -> None:
    sentences = DemoSentences(
        "de",
        english=draw_split(read_templates("en"), _INTENTS, 2, 2, seed=0),
        target=draw_split(read_templates("de"), _INTENTS, 2, 2, seed=0),
    )
    model = tmp_path / "english.zip"
    starter = an_encoder(tmp_path / "starter")
    train_english_classifier(starter, sentences.english, model, lambda fraction: None)
    client = service.client
    uploaded = client.models.upload(model, name="m")
    train = client.datasets.upload(sentences.write(tmp_path)["train"], "de")
    assert train["facts"]["grouped"]
    queued = client.transfers.start(
        uploaded["id"], "de", {"train": train["id"], "test": train["id"]}, "fine-tune"
    )
    client.transfers.cancel(queued["id"])

    with pytest.raises(DemoTransferFailed, match="cancelled"):
        follow_transfer(client, queued["id"])
