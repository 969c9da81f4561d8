"""A classifier whose answer is known beforehand: one letter decides, wherever it is read."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from tests.support.models import an_encoder

_SURE, _UNSURE = 20.0, -0.2


def a_classifier_by_a_letter(folder: Path, letter: str, labels: tuple[str, str]) -> Path:
    """Surely the first of `labels` for a text with `letter`, and hardly the second without.

    It reads 64 tokens, two of them special, whose vectors are one and the same but for tokens with
    the letter; its layers add nothing, and the head reads their mean.
    """
    an_encoder(folder, labels)
    file, head_file = folder / "model.safetensors", folder / "head.safetensors"
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    telling = [place for token, place in vocabulary.items() if letter in token]
    save_file(_planted(load_file(file), telling), file, metadata={"format": "pt"})

    found = detect_format(folder)
    network = found.load(folder, found.inspect(folder, ModelHints()))
    with torch.no_grad():
        usual, other = network.features(network.collate(["la " * 99, "la " * 5 + letter]))
    weight = torch.zeros(2, len(usual))
    weight[0] = (_SURE - _UNSURE) * (other - usual) / (other - usual).square().sum()
    bias = torch.tensor([_UNSURE - float(weight[0] @ usual), 0.0])
    save_file({"weight": weight, "bias": bias}, head_file)
    return folder


def _planted(weights: dict[str, torch.Tensor], telling: list[int]) -> dict[str, torch.Tensor]:
    for name, weight in weights.items():
        if ".output.dense" in name or "position_embeddings" in name or "token_type" in name:
            weight.zero_()
        if "word_embeddings" in name:
            usual, other = weight[5].clone(), weight[6].clone()
            weight[:] = usual
            weight[telling] = other
    return weights
