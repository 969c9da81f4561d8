"""Classifiers of many classes, each split into body and head."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from app.domain.errors.model_files import ArchitectureUnsupported
from app.formats.huggingface.head_split import HeadSplit
from app.learn.network import Batch

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 64,
    "pad_token_id": 1,
    "num_labels": 3,
}
TEXT: dict[str, dict[str, Any]] = {
    "Bert": SIZES,
    "XLMRoberta": SIZES,
    "DebertaV2": SIZES,
    "MPNet": SIZES,
    "DistilBert": {**SIZES, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16},
    "ModernBert": {**SIZES, "classifier_pooling": "mean", "eos_token_id": 2, "bos_token_id": 0},
    "Qwen3": {**SIZES, "num_key_value_heads": 2, "head_dim": 8},
}
PATCHES = {key: SIZES[key] for key in list(SIZES)[1:5]} | {"image_size": 32, "patch_size": 8}
IMAGES: dict[str, dict[str, Any]] = {
    "ViT": PATCHES,
    "Dinov2": PATCHES,
    "Swin": {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1], "num_heads": [2]},
    "ConvNext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
}


def texts(seed: int, rows: int = 2) -> Batch:
    torch.manual_seed(seed)
    ids = torch.randint(3, 50, (rows, 9))
    ids[1:, 5:] = 1
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


def a_model(name: str, task: str, sizes: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**sizes)
    model = getattr(transformers, f"{name}For{task}")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def difference(split: HeadSplit, model: Any, batch: Batch) -> float:
    with torch.no_grad():
        features = split.features(batch)
        assert features.ndim == 2
        return float((split.head(features) - model(**batch).logits).abs().max())


@pytest.mark.parametrize("name", TEXT)
def test_a_text_classifier_is_split_into_body_and_head(name: str) -> None:
    model = a_model(name, "SequenceClassification", TEXT[name])
    split = HeadSplit(model, texts(0), pad_id=1)
    assert difference(split, model, texts(1, rows=5)) < 1e-5
    assert 0 < sum(p.numel() for p in split.parameters()) < 1000


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_classifier_is_split_into_body_and_head(name: str) -> None:
    model = a_model(name, "ImageClassification", {**IMAGES[name], "num_labels": 3})
    torch.manual_seed(0)
    split = HeadSplit(model, {"pixel_values": torch.randn(2, 3, 32, 32)})
    assert difference(split, model, {"pixel_values": torch.randn(5, 3, 32, 32)}) < 1e-5


def test_a_head_that_cannot_be_split_off_is_refused() -> None:
    sizes = {"vocab_size": 50, "d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16}
    model = a_model("XLNet", "SequenceClassification", {**sizes, "num_labels": 3})
    with pytest.raises(ArchitectureUnsupported, match="XLNet"):
        HeadSplit(model, texts(0), pad_id=1)


def test_a_gradient_flows_through_both_halves() -> None:
    model = a_model("DistilBert", "SequenceClassification", TEXT["DistilBert"])
    split, batch = HeadSplit(model, texts(0), pad_id=1), texts(1)
    model(**batch).logits.square().sum().backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    split.head(split.features(batch)).square().sum().backward()
    for name, gradient in wanted.items():
        assert torch.allclose(model.get_parameter(name).grad, gradient, atol=1e-5)
