"""Builders of tiny model folders in which an encoder stands before another model's head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.bridge import Bridge, LanguageShift
from app.learn.network import Network
from tests.support.models import INTENTS, a_text_classifier, an_encoder


def a_bridged_encoder(
    folder: Path, labels: Sequence[str] = INTENTS, languages: Sequence[str] = ("en", "sw")
) -> Path:
    """An encoder of width 32 whose vectors are centred and mapped to a linear head of width 24."""
    an_encoder(folder, seed=1)
    torch.manual_seed(2)
    tensors = {"weight": torch.randn(24, 32) / 6, "bias": torch.randn(24) / 10}
    tensors |= {"means": torch.randn(len(languages), 32), "covariance": torch.eye(32)}
    save_file(tensors, folder / "bridge.safetensors")
    bridge = {"languages": list(languages), "rows": 50, "map": True, "normalize": True}
    (folder / "bridge.json").write_text(json.dumps(bridge), encoding="utf-8")
    head = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    if labels:
        head["labels"] = list(labels)
        weights = {"weight": torch.randn(len(labels), 24), "bias": torch.zeros(len(labels))}
        save_file(weights, folder / "head.safetensors")
    (folder / "head.json").write_text(json.dumps(head), encoding="utf-8")
    return folder


def a_bridged_classifier(folder: Path) -> Path:
    """The whole head of a sequence classifier behind an encoder, saved by the format."""
    parts = folder.parent / f"{folder.name}-parts"
    head = read_network(a_text_classifier(parts / "classifier", seed=3))
    encoder = read_network(an_encoder(parts / "encoder", seed=4, pooling="cls"))
    torch.manual_seed(5)
    linear = nn.Linear(32, 32)
    shift = LanguageShift.of({"en": torch.randn(40, 32), "sw": torch.randn(40, 32) + 0.3})
    bridge = Bridge(linear, shift)
    save_network(head.with_encoder(encoder, bridge), parts / "encoder", folder)
    return folder


def a_centred_classifier(folder: Path) -> Path:
    """A sequence classifier whose features are centred by language."""
    a_text_classifier(folder, seed=6)
    tensors = {"means": torch.randn(2, 32) / 3, "covariance": torch.eye(32)}
    save_file(tensors, folder / "bridge.safetensors")
    bridge = {"languages": ["en", "sw"], "rows": 50, "map": False, "normalize": False}
    (folder / "bridge.json").write_text(json.dumps(bridge), encoding="utf-8")
    return folder


def read_network(folder: Path) -> Network:
    """The network of a model folder."""
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def save_network(network: Network, like: Path, folder: Path) -> None:
    """Save `network` into the new `folder`, in the format of the folder `like`."""
    folder.mkdir(parents=True)
    found = detect_format(like)
    found.save(network, found.inspect(like, ModelHints()), folder)
