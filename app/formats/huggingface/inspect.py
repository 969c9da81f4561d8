"""Establishes the facts of a Hugging Face directory by reading and running it once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from app.domain.enums import Format, Task
from app.domain.errors.model_files import (
    ArchitectureUnsupported,
    FileInvalid,
    TaskUnsupported,
    WeightsNotFinite,
)
from app.domain.models import ImageInput, ModelFacts, ModelHints, TextInput
from app.formats.huggingface.encoder import Encoder
from app.formats.huggingface.image_classifier import ImageClassifier
from app.formats.huggingface.layout import CONFIG_FILE, Layout, head_weights, read_layout
from app.formats.huggingface.load import build_classifier, build_encoder
from app.formats.huggingface.text_classifier import TextClassifier
from app.formats.labels import checked_labels, choose_labels
from app.learn.examples import Inputs, texts_of


def inspect(folder: Path, hints: ModelHints) -> ModelFacts:
    """The facts; raises the leaves of `errors/model_files.py`."""
    layout = read_layout(folder)
    if layout.task is Task.FEATURE_EXTRACTION:
        return _inspect_encoder(layout)
    written = _labels(layout.config)
    outputs = len(layout.config.get("id2label") or ()) or int(layout.config.get("num_labels", 2))
    if outputs < 2 and layout.task is not Task.MULTI_LABEL_CLASSIFICATION:
        raise TaskUnsupported("a model with a single output, not a classifier")
    labels = choose_labels(written, hints.labels, outputs)
    network = build_classifier(layout, labels)
    shape: TextInput | ImageInput
    if isinstance(network, ImageClassifier):
        shape = network.preparation.shape
    else:
        shape = TextInput(network.tokens.max_tokens)
        _read_longest(network, network.tokens.max_tokens)
    return _facts(layout, layout.task, labels, shape, network)


def _inspect_encoder(layout: Layout) -> ModelFacts:
    encoder = build_encoder(layout)
    try:
        with torch.no_grad():
            features = encoder.features(encoder.collate(_probe(encoder)))
    except (ValueError, TypeError, AttributeError, RuntimeError) as problem:
        reason = f"it gives no vectors of texts alone ({problem})"[:500]
        raise ArchitectureUnsupported(layout.architecture, reason) from None
    if not bool(torch.isfinite(features).all()):
        raise WeightsNotFinite
    task = encoder.task if encoder.labels else Task.FEATURE_EXTRACTION
    shape = TextInput(encoder.tokens.max_tokens, encoder.tokens.prefix)
    _read_longest(encoder, shape.max_tokens)
    facts = _facts(layout, task, encoder.labels, shape, encoder)
    return replace(facts, notes=_head_left_out(layout))


def _head_left_out(layout: Layout) -> tuple[str, ...]:
    if not (found := head_weights(layout.folder)):
        return ()
    return (
        f"The weights hold a head ({found[0]}) that {layout.architecture}, the class in "
        f"{CONFIG_FILE}, does not have; it was left out.",
    )


def _read_longest(network: Encoder | TextClassifier, tokens: int) -> None:
    """Read a text of as many tokens as are allowed, so that no later one fails; FileInvalid."""
    words = ("one",) * tokens
    inputs: Inputs = [words] if network.objective.per_word else [" ".join(words)]
    try:
        with torch.no_grad():
            network.features(network.collate(inputs))
    except (IndexError, RuntimeError, ValueError) as problem:
        raise FileInvalid(
            CONFIG_FILE,
            f"the network fails on a text of {tokens} tokens ({problem})"[:500],
            "Set `model_max_length` in tokenizer_config.json to as many tokens as it takes.",
        ) from None


def _probe(encoder: Encoder) -> Inputs:
    words = [("one", "two", "three"), ("one",)]
    return words if encoder.objective.per_word else texts_of(words)


def _facts(
    layout: Layout,
    task: Task,
    labels: tuple[str, ...],
    shape: TextInput | ImageInput,
    network: torch.nn.Module,
) -> ModelFacts:
    return ModelFacts(
        format=Format.HUGGINGFACE,
        task=task,
        labels=labels,
        input=shape,
        architecture=layout.architecture,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
    )


def _labels(config: dict[str, Any]) -> tuple[str, ...]:
    """The labels of `id2label`, in order; none where they are transformers' own placeholders."""
    written = config.get("id2label")
    if not written:
        return ()
    try:
        labels = [written[str(position)] for position in range(len(written))]
    except (KeyError, TypeError):
        raise FileInvalid(CONFIG_FILE, "`id2label` does not count from 0 without gaps") from None
    placeholders = [f"LABEL_{position}" for position in range(len(labels))]
    return () if labels == placeholders else checked_labels(CONFIG_FILE, labels)
