"""What a Hugging Face directory holds after a network was written back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from tests.support.models import INTENTS, a_text_classifier, an_encoder

FORMAT = HuggingFaceFormat()


def written_back(folder: Path, target: Path) -> Path:
    facts = FORMAT.inspect(folder, ModelHints())
    target.mkdir()
    FORMAT.save(FORMAT.load(folder, facts), facts, target)
    return target


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32"])
def test_the_body_keeps_its_number_type_and_the_head_is_exact(kind: str, tmp_path: Path) -> None:
    folder = a_text_classifier(tmp_path / "texts", dtype=kind)
    weights = load_file(written_back(folder, tmp_path / "to") / "model.safetensors")
    kinds = {name: tensor.dtype for name, tensor in weights.items()}
    head = {name: kinds.pop(name) for name in ("classifier.weight", "classifier.bias")}
    assert set(kinds.values()) == {getattr(torch, kind)}
    assert set(head.values()) == {torch.float32}
    assert json.loads((tmp_path / "to/config.json").read_text())["dtype"] == kind


def test_transformers_reads_it_with_its_labels(tmp_path: Path) -> None:
    folder = a_text_classifier(tmp_path / "texts")
    target = written_back(folder, tmp_path / "to")
    saved = AutoModelForSequenceClassification.from_pretrained(target)
    assert isinstance(saved, BertForSequenceClassification)
    assert tuple(saved.config.id2label[n] for n in range(3)) == INTENTS
    assert (target / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()


def test_shards_are_read(tmp_path: Path) -> None:
    folder = a_text_classifier(tmp_path / "texts")
    whole = FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))
    (folder / "model.safetensors").unlink()
    whole.model.save_pretrained(folder, max_shard_size="50KB")
    assert (folder / "model.safetensors.index.json").is_file()
    parts = FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))
    batch = whole.collate(["play the song"])
    assert torch.equal(parts(batch), whole(batch))


def test_an_encoder_keeps_its_prefix_and_pooling(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "encoder", labels=INTENTS, pooling="cls")
    target = written_back(folder, tmp_path / "to")
    before, after = (json.loads((f / "head.json").read_text()) for f in (folder, target))
    assert after == before
