"""Inspects, loads and saves folders of `model.safetensors` and `architecture.json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from app.domain.enums import Format, Task
from app.domain.errors.model_files import WeightsNotFinite
from app.domain.models import ModelFacts, ModelHints
from app.formats.declared_network.architecture import Architecture, read_architecture
from app.formats.declared_network.format import ARCHITECTURE_FILE, WEIGHTS_FILE
from app.formats.declared_network.network import DeclaredNetwork
from app.formats.declared_network.shapes import build_without_memory
from app.formats.declared_network.weights import read_weights
from app.formats.labels import choose_labels
from app.learn.network import Network


def inspect(folder: Path, hints: ModelHints) -> ModelFacts:
    """The facts; raises leaves of `errors/declared_network.py` and `errors/model_files.py`."""
    architecture = read_architecture(folder, hints.input)
    _, outputs = build_without_memory(architecture)
    labels = choose_labels(architecture.labels, hints.labels, outputs)
    network = _build(folder, architecture, labels)
    _try(network)
    return ModelFacts(
        format=Format.DECLARED_NETWORK,
        task=Task.IMAGE_CLASSIFICATION,
        labels=labels,
        input=architecture.input,
        architecture=", ".join(layer.type for layer in architecture.layers)[:500],
        parameters=sum(parameter.numel() for parameter in network.parameters()),
    )


def load(folder: Path, facts: ModelFacts) -> Network:
    """The trainable network, float32, on the CPU, in eval mode, with the labels of `facts`."""
    # What the file leaves open the user said at registration, and the facts kept.
    architecture = read_architecture(folder, asdict(facts.input))
    return _build(folder, architecture, facts.labels)


def save(network: Network, facts: ModelFacts, folder: Path) -> None:
    """Write both files into an empty folder, the weights as float32."""
    if not isinstance(network, DeclaredNetwork):
        raise TypeError(f"A {type(network).__name__} is no declared network.")
    weights = {name: t.contiguous() for name, t in network.layers.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)
    architecture = network.architecture
    content = {
        "input": asdict(architecture.input),
        "labels": list(network.labels),
        "layers": [layer.model_dump(exclude_defaults=True) for layer in architecture.layers],
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / ARCHITECTURE_FILE).write_text(text, encoding="utf-8")


def _build(folder: Path, architecture: Architecture, labels: tuple[str, ...]) -> DeclaredNetwork:
    layers, _ = build_without_memory(architecture)
    read_weights(folder / WEIGHTS_FILE, layers)
    network = DeclaredNetwork(layers, architecture, labels)
    network.eval()
    return network


def _try(network: DeclaredNetwork) -> None:
    shape = network.architecture.input
    with torch.no_grad():
        logits = network({"pixels": torch.rand(2, shape.channels, shape.height, shape.width)})
    if not bool(torch.isfinite(logits).all()):
        raise WeightsNotFinite
