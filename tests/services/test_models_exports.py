"""A text classifier downloaded in another form answers as the network does, without ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoTokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from app.domain.errors.model_files import (
    ExportBusy,
    ExportUnsupported,
    LanguageNotInBridge,
    ModulesUnsupported,
)
from app.domain.models import Model
from app.formats.prediction_tables import write_predictions
from app.learn.data.examples import Examples
from app.learn.inference import predict
from app.learn.network import Network
from app.services import models as model_use_cases
from app.services.context import Context, open_context
from app.services.models import delete_exports, export_onnx, export_sentence_transformers
from app.settings import Settings
from app.store import evaluations, models
from tests.support.bridged_models import (
    a_bridged_classifier,
    a_bridged_encoder,
    a_centred_classifier,
    read_network,
)
from tests.support.claimed_transfers import store_model
from tests.support.models import (
    SENTENCES,
    a_label_set_classifier,
    a_text_classifier,
    a_token_classifier,
    an_encoder,
)
from tests.support.records import an_evaluation, queue_a_transfer

_BUILDERS: dict[str, Callable[[Path], Path]] = {
    "bridged encoder": a_bridged_encoder,
    "bridged classifier": a_bridged_classifier,
    "centred classifier": a_centred_classifier,
    "label sets": a_label_set_classifier,
}


@pytest.fixture
def context(tmp_path: Path, one_database_url: str) -> Context:
    return open_context(Settings(data_dir=tmp_path / "var", database_url=one_database_url))


@pytest.mark.parametrize("name", _BUILDERS)
def test_the_code_of_the_readme_answers_as_the_network_does(
    name: str, context: Context, tmp_path: Path
) -> None:
    folder = _BUILDERS[name](tmp_path / "model")
    file, filename = export_onnx(context, store_model(context, folder))
    assert filename == "tickets-1-onnx.zip"
    found = _answers_by_its_readme(file, tmp_path / "elsewhere")
    network = read_network(folder)
    with torch.no_grad():
        logits = network(network.collate(list(SENTENCES)))
    assert network.labels == tuple(found[0])
    own = network.objective.probabilities(logits).numpy()
    assert np.abs(np.array([list(row.values()) for row in found]) - own).max() < 1e-4


def test_an_export_is_made_once(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))
    first, _ = export_onnx(context, model)
    monkeypatch.setattr(model_use_cases, "_run_export", lambda *_: pytest.fail("made again"))
    assert export_onnx(context, model)[0] == first


def test_one_export_is_made_at_a_time(context: Context, tmp_path: Path) -> None:
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))
    with (
        model_use_cases._export_lock.hold(tmp_path / "other.zip"),
        pytest.raises(ExportBusy) as busy,
    ):
        export_onnx(context, model)
    assert "Another model" in busy.value.message


def test_the_same_export_at_work_is_answered_as_such(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a client's own request that timed out: the export goes on and is kept."""
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))

    def ask_again(*_: object) -> None:
        with pytest.raises(ExportBusy) as busy:
            export_onnx(context, model)
        assert "This model is being written" in busy.value.message
        raise KeyError

    monkeypatch.setattr(model_use_cases, "_run_export", ask_again)
    with pytest.raises(KeyError):
        export_onnx(context, model)


@pytest.mark.parametrize("build", [a_token_classifier, an_encoder])
def test_what_gives_no_logits_for_a_text_is_refused(
    build: Callable[[Path], Path], context: Context, tmp_path: Path
) -> None:
    with pytest.raises(ExportUnsupported):
        export_onnx(context, store_model(context, build(tmp_path / "model")))


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("bridged encoder", "en"),
        ("bridged encoder", "sw"),
        ("bridged classifier", "sw"),
        ("centred classifier", "sw"),
        ("label sets", None),
    ],
)
def test_the_modules_answer_as_the_network_does_with_its_language_fixed(
    name: str, language: str | None, context: Context, tmp_path: Path
) -> None:
    folder = _BUILDERS[name](tmp_path / "model")
    file, filename = export_sentence_transformers(context, store_model(context, folder), language)
    assert filename.startswith("tickets-1-sentence-transformers")
    network = _fixed(read_network(folder), language)
    with torch.no_grad():
        logits = network(network.collate(list(SENTENCES)))
    found = _logits_by_modules(_unzipped(file, tmp_path / "elsewhere"))
    assert (found - logits).abs().max() < 1e-4
    about = json.loads((tmp_path / "elsewhere/model.json").read_text("utf-8"))
    assert (about["labels"], about["language"]) == (list(network.labels), language)
    assert about["cost"] == []
    readme = (tmp_path / "elsewhere/README.md").read_text("utf-8")
    assert ("was **not measured**" in readme) is (language is not None)


def test_the_cost_of_a_fixed_language_is_measured_on_the_models_own_rows(
    context: Context, tmp_path: Path
) -> None:
    folder = a_bridged_encoder(tmp_path / "model")
    texts = [f"{a} {b}" for a in SENTENCES for b in SENTENCES[:5]]
    chosen = predict(read_network(folder), texts)
    fixed = {one: predict(_fixed(read_network(folder), one), texts) for one in ("en", "sw")}
    answers = {one: (chosen.argmax(1) != fixed[one].argmax(1)).sum() for one in fixed}
    language, changed = max(answers.items(), key=lambda one: int(one[1]))
    model = _evaluated(context, folder, texts, chosen)
    file, _ = export_sentence_transformers(context, model, language)
    about = json.loads((_unzipped(file, tmp_path / "fixed") / "model.json").read_text("utf-8"))
    assert changed > 0
    assert about["cost"] == [
        {
            "language": "de",
            "rows": 40,
            "of_rows": 40,
            "chosen": 1.0,
            "fixed": (40 - changed) / 40,
            "changed": changed,
        }
    ]
    line = f"| de | 40 | 100.0% | {(40 - changed) / 40:.1%} | {changed} |"
    assert line in (tmp_path / "fixed/README.md").read_text("utf-8")


@pytest.mark.parametrize("language", ["de", None])
def test_a_language_that_the_bridge_does_not_shift_is_refused(
    language: str | None, context: Context, tmp_path: Path
) -> None:
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))
    with pytest.raises(LanguageNotInBridge) as refused:
        export_sentence_transformers(context, model, language)
    assert refused.value.fields["known"] == ["en", "sw"]
    assert "en, sw" in refused.value.advice


def test_a_head_of_several_layers_is_no_module(context: Context, tmp_path: Path) -> None:
    model = store_model(context, _a_deep_head(tmp_path / "model"))
    with pytest.raises(ModulesUnsupported, match="more than one linear layer") as refused:
        export_sentence_transformers(context, model, None)
    assert "format=onnx" in refused.value.advice


def test_every_form_of_a_model_is_forgotten_with_it(context: Context, tmp_path: Path) -> None:
    model = store_model(context, a_bridged_encoder(tmp_path / "model"))
    file, _ = export_sentence_transformers(context, model, "sw")
    assert model.sha256 is not None
    delete_exports(context, model.sha256)
    assert not file.exists()


def _fixed(network: Network, language: str | None) -> Network:
    """The network where the discriminant of languages always answers `language`."""
    if language is not None:
        shift: Any = network.bridge.shift  # type: ignore[union-attr]
        place = shift.names.index(language)
        shift.languages_of = lambda vectors: torch.full((len(vectors),), place)
    return network


def _unzipped(file: Path, folder: Path) -> Path:
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return folder


@torch.no_grad()
def _logits_by_modules(folder: Path) -> torch.Tensor:
    """What sentence-transformers does with its directory, by transformers and the files alone."""
    most = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    prompts = folder / "config_sentence_transformers.json"
    settings = json.loads(prompts.read_text()) if prompts.is_file() else {}
    prefix = settings["prompts"][settings["default_prompt_name"]] if settings else ""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(
        [prefix + text for text in SENTENCES],
        padding=True,
        truncation=True,
        max_length=most,
        return_tensors="pt",
    )
    states = AutoModel.from_pretrained(folder).eval()(**batch).last_hidden_state
    _, pooling, *rest = json.loads((folder / "modules.json").read_text())
    how = json.loads((folder / pooling["path"] / "config.json").read_text())
    mask = batch["attention_mask"].unsqueeze(-1)
    mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
    vectors = states[:, 0] if how["pooling_mode_cls_token"] else mean
    for one in rest:
        if one["type"].endswith(".Normalize"):
            vectors = vectors / vectors.norm(dim=1, keepdim=True)
            continue
        layer = load_file(folder / one["path"] / "model.safetensors")
        vectors = vectors @ layer["linear.weight"].T + layer["linear.bias"]
        config = json.loads((folder / one["path"] / "config.json").read_text())
        name = config["activation_function"]
        assert name in (
            "torch.nn.modules.linear.Identity",
            "torch.nn.modules.activation.Tanh",
        )
        vectors = vectors.tanh() if name.endswith("Tanh") else vectors
    return vectors


def _evaluated(context: Context, folder: Path, texts: list[str], answers: np.ndarray) -> Model:
    """The model with an evaluation in which each answer is the truth."""
    network = read_network(folder)
    examples = Examples(texts, answers.argmax(axis=1), np.arange(1, len(texts) + 1))
    with context.artifacts.workspace() as workspace:
        write_predictions(workspace / "rows", examples, answers, network.objective)
        stored = context.artifacts.publish(workspace / "rows")
    with context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        model = replace(store_model(context, folder), name="bridged", transfer_id=transfer.id)
        models.insert(session, model)
        made = an_evaluation(transfer, model_id=model.id, predictions_sha256=stored)
        evaluations.insert(session, made)
    return model


def _a_deep_head(folder: Path) -> Path:
    """A RoBERTa classifier: a layer, tanh, and another layer behind the first token."""
    a_text_classifier(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    absent = ("architectures", "model_type", "transformers_version")
    built = RobertaConfig(**{k: v for k, v in config.items() if k not in absent})
    RobertaForSequenceClassification(built).save_pretrained(folder)
    return folder


def _answers_by_its_readme(file: Path, folder: Path) -> list[dict[str, float]]:
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    [code] = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.S)
    code = re.sub(r"texts = \[.*\]", f"texts = {list(SENTENCES)!r}", code)
    printed = (
        "\nimport sys\nassert not any(n.split('.')[0] in ('app', 'torch') for n in sys.modules)"
    )
    program = f"{code}{printed}\nprint(json.dumps(answers))"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, float]] = json.loads(done.stdout)
    return answers
