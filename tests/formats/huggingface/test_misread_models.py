"""Directories that would be read as something else than they are: read rightly, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.domain.enums import Task
from app.domain.errors import RejectedFile
from app.domain.models import ModelHints, TextInput
from app.formats.catalog import HuggingFaceFormat
from tests.support.models import INTENTS, a_text_classifier, a_token_classifier, an_encoder

FORMAT = HuggingFaceFormat()
Build = Callable[[Path], Path]


def change(file: Path, without: tuple[str, ...] = (), **values: Any) -> None:
    """Change a JSON file's keys."""
    content = json.loads(file.read_text(encoding="utf-8")) | values
    kept = {key: value for key, value in content.items() if key not in without}
    file.write_text(json.dumps(kept), encoding="utf-8")


def refusal(folder: Path) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        FORMAT.inspect(folder, ModelHints())
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize("build", [a_text_classifier, a_token_classifier])
def test_a_classifier_that_names_no_class_does_not_lose_its_head(
    build: Build, tmp_path: Path
) -> None:
    folder = build(tmp_path / "model")
    change(folder / "config.json", without=("architectures",))
    problem = refusal(folder)
    assert problem.code == "model-file-invalid"
    assert "architectures" in problem.message
    assert "classifier" in problem.message
    assert "ForSequenceClassification" in problem.advice


def test_an_encoder_may_name_no_class(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "model")
    change(folder / "config.json", without=("architectures",))
    assert FORMAT.inspect(folder, ModelHints()).task is Task.FEATURE_EXTRACTION


def test_a_head_beside_a_class_without_one_is_noted(tmp_path: Path) -> None:
    folder = a_text_classifier(tmp_path / "model")
    change(folder / "config.json", architectures=["BertModel"])
    facts = FORMAT.inspect(folder, ModelHints())
    assert facts.task is Task.FEATURE_EXTRACTION
    [note] = facts.notes
    assert "classifier" in note
    assert "BertModel" in note


@pytest.mark.parametrize(
    "name",
    [
        "GPT2LMHeadModel",
        "GPT2DoubleHeadsModel",
        "BertLMHeadModel",
        "LlamaForCausalLM",
        "OpenAIGPTLMHeadModel",
    ],
)
def test_what_generates_text_is_no_encoder(name: str, tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "model")
    change(folder / "config.json", architectures=[name])
    problem = refusal(folder)
    assert problem.code == "task-unsupported"
    assert name in problem.message


def test_a_masked_language_model_of_the_old_name_is_an_encoder(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "model")
    change(folder / "config.json", architectures=["XLMWithLMHeadModel"])
    assert FORMAT.inspect(folder, ModelHints()).task is Task.FEATURE_EXTRACTION


@pytest.mark.parametrize("build", [a_text_classifier, a_token_classifier, an_encoder])
def test_a_tokenizer_that_knows_more_than_the_embedding_is_refused_with_the_numbers(
    build: Build, tmp_path: Path
) -> None:
    folder = build(tmp_path / "model")
    file = folder / "model.safetensors"
    weights = load_file(file)
    [name] = [key for key in weights if key.endswith("word_embeddings.weight")]
    tokens = len(weights[name])
    weights[name] = weights[name][:-7].clone()
    file.unlink()
    save_file(weights, file, metadata={"format": "pt"})
    change(folder / "config.json", vocab_size=tokens - 7)
    problem = refusal(folder)
    assert problem.code == "tokenizer-does-not-fit"
    assert (problem.fields["tokens"], problem.fields["rows"]) == (tokens, tokens - 7)
    assert "resize_token_embeddings" in problem.advice


def a_gpt2_classifier(folder: Path, positions: int = 24) -> Path:
    """A GPT-2 classifier, whose config says `n_positions`."""
    from transformers import GPT2Config, GPT2ForSequenceClassification

    a_text_classifier(folder)
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=size,
        n_positions=positions,
        n_embd=32,
        n_layer=2,
        n_head=2,
        pad_token_id=1,
        id2label=dict(enumerate(INTENTS)),
    )
    GPT2ForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_positions_count_by_whatever_name_the_family_has_for_them(tmp_path: Path) -> None:
    folder = a_gpt2_classifier(tmp_path / "model")
    facts = FORMAT.inspect(folder, ModelHints())
    assert facts.input == TextInput(24)
    network = FORMAT.load(folder, facts)
    assert network.collate(["play the song " * 50])["input_ids"].shape[1] == 24


def test_a_position_that_the_family_has_by_default_counts(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "model")
    change(folder / "tokenizer_config.json", model_max_length=10**30)
    change(folder / "config.json", without=("max_position_embeddings",))
    # 512 by default, but the weights have 64 rows of positions.
    assert refusal(folder).code == "weights-do-not-fit"


def test_a_text_as_long_as_allowed_is_read_once_before_the_model_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A family of which nobody knew that it counts positions from the padding token."""
    from transformers import RobertaConfig, RobertaModel

    folder = an_encoder(tmp_path / "model")
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = RobertaConfig(vocab_size=size, max_position_embeddings=48, pad_token_id=1, **small)
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    assert FORMAT.inspect(folder, ModelHints()).input == TextInput(46, "query: ")
    monkeypatch.setattr("app.formats.huggingface.tokenizer._OFFSET_POSITIONS", {"mpnet"})
    problem = refusal(folder)
    assert problem.code == "model-file-invalid"
    assert "48 tokens" in problem.message


def test_an_encoder_that_wants_more_than_text_is_refused(tmp_path: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    folder = an_encoder(tmp_path / "model")
    tiny = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    tiny |= {"intermediate_size": 16, "projection_dim": 8}
    text = tiny | {"vocab_size": 700, "max_position_embeddings": 64}
    config = CLIPConfig(
        text_config=text, vision_config=tiny | {"image_size": 8, "patch_size": 4}, projection_dim=8
    )
    CLIPModel(config).save_pretrained(folder)
    problem = refusal(folder)
    assert problem.code == "architecture-unsupported"
    assert "CLIPModel" in problem.message
