"""Texts and images as the libraries' own preparation makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import ConvNextImageProcessorPil, PreTrainedTokenizerFast, ViTImageProcessorPil

from app.domain.enums import Task
from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.formats.huggingface.encoder import Encoder
from app.formats.huggingface.image_processor import read_image_processor
from app.formats.huggingface.layout import read_layout
from app.formats.huggingface.tokenizer import TextTokenizer
from app.learn.training.optimiser import ActiveEmbedding
from tests.support.models import SENTENCES, a_text_classifier, an_encoder

FORMAT = HuggingFaceFormat()


def test_tokens_are_those_of_transformers(tmp_path: Path) -> None:
    folder = a_text_classifier(tmp_path / "texts")
    tokens = TextTokenizer(read_layout(folder), "query: ", ["input_ids", "attention_mask"])
    texts = [*SENTENCES, "", "word " * 200]
    expected = PreTrainedTokenizerFast.from_pretrained(folder)(
        [f"query: {text}" for text in texts],
        truncation=True,
        max_length=64,
        padding=True,
        return_tensors="pt",
    )
    found = tokens.batch(texts)
    assert set(found) == {"input_ids", "attention_mask"}
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert tokens.lengths(texts) == expected["attention_mask"].sum(dim=1).tolist()


def test_positions_counted_from_the_padding_token_leave_fewer_tokens(tmp_path: Path) -> None:
    folder = a_text_classifier(tmp_path / "texts")
    described = {"pad_token": "<pad>", "tokenizer_class": "PreTrainedTokenizerFast"}
    for name, content in (
        ("tokenizer_config.json", described),
        ("config.json", {"model_type": "xlm-roberta"}),
    ):
        kept = json.loads((folder / "config.json").read_text()) if name == "config.json" else {}
        (folder / name).write_text(json.dumps(kept | content))
    assert TextTokenizer(read_layout(folder), "", ["input_ids"]).max_tokens == 62


def an_image(height: int, width: int, channels: int) -> np.ndarray:
    """A smooth picture with a little noise, uint8 (1, channels, height, width)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    plane = 128 + 80 * np.sin(x / 9) + 40 * np.cos(y / 7) + rng.normal(0, 3, (height, width))
    planes = [np.clip(plane + 9 * c, 0, 255) for c in range(channels)]
    return np.stack(planes).astype(np.uint8)[None]


@pytest.mark.parametrize(
    ("processor", "config"),
    [
        (ViTImageProcessorPil, {"size": {"height": 32, "width": 24}}),
        (ViTImageProcessorPil, {"size": {"height": 32, "width": 32}, "resample": 3}),
        (ViTImageProcessorPil, {"do_resize": False, "size": {"height": 50, "width": 70}}),
        (ViTImageProcessorPil, {"size": {"height": 32, "width": 32}, "rescale_factor": 1 / 127.5}),
        (ViTImageProcessorPil, {"size": {"height": 32, "width": 32}, "do_normalize": False}),
        (ConvNextImageProcessorPil, {"size": {"shortest_edge": 32}, "crop_pct": 0.875}),
    ],
)
def test_images_are_prepared_as_transformers_does(processor: Any, config: dict[str, Any]) -> None:
    config = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4], "resample": 2} | config
    image = an_image(50, 70, 3)
    expected = processor(**config)(list(image), return_tensors="pt")["pixel_values"]
    found = read_image_processor(config, 3).apply(torch.from_numpy(image))
    assert found.shape == expected.shape
    # Pillow computes in whole numbers: one step of 255 in a few pixels.
    assert float((found - expected).abs().mean()) < 0.005


def test_a_masked_language_model_is_a_plain_encoder(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "encoder")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"architectures": ["BertForMaskedLM"]}), encoding="utf-8"
    )
    assert FORMAT.inspect(folder, ModelHints()).task is Task.FEATURE_EXTRACTION


def test_only_the_embedding_rows_of_the_training_texts_are_trained(tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "encoder")
    encoder = FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))
    assert isinstance(encoder, Encoder)
    before = encoder.model.get_input_embeddings().weight.detach().clone()
    encoder.prepare_training(["play the song"])
    standing_in = encoder.model.get_input_embeddings()
    assert isinstance(standing_in, ActiveEmbedding)
    encoder.features(encoder.collate(["play the song"])).sum().backward()
    with torch.no_grad():
        standing_in.active -= standing_in.active.grad
    encoder.finish_training()
    touched = set(encoder.collate(["play the song"])["input_ids"].flatten().tolist())
    after = encoder.model.get_input_embeddings().weight
    changed = set((after != before).any(dim=1).nonzero().flatten().tolist())
    assert changed
    assert changed <= touched
