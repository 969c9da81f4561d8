"""Builds the Network of a Hugging Face directory."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from app.domain.enums import Task
from app.domain.errors.model_files import TokenizerDoesNotFit, WeightsDoNotFit
from app.domain.models import ModelFacts
from app.formats.huggingface.bridge_file import read_bridge
from app.formats.huggingface.encoder import Encoder, pooled_width
from app.formats.huggingface.head_file import HeadFile, read_head_file
from app.formats.huggingface.image_classifier import ImageClassifier
from app.formats.huggingface.image_preparation import read_preparation
from app.formats.huggingface.kept_head import read_kept_head
from app.formats.huggingface.layout import (
    DENSE_WEIGHTS_FILE,
    HEAD_FILE,
    HEAD_WEIGHTS_FILE,
    PREPARATION_FILE,
    Layout,
    read_layout,
)
from app.formats.huggingface.pooling import DenseLayers
from app.formats.huggingface.pretrained import read_pretrained
from app.formats.huggingface.sentence_transformers import MODULES_FILE, dense_weights
from app.formats.huggingface.text_classifier import TextClassifier
from app.formats.huggingface.token_classifier import TokenClassifier
from app.formats.huggingface.tokens import Tokens
from app.formats.huggingface.word_encoder import WordEncoder
from app.formats.json_file import read_json_object
from app.formats.weight_file import read_weight_file
from app.learn.network import Network


def load(folder: Path, facts: ModelFacts) -> Network:
    """The trainable network, float32, on the CPU, in eval mode, with the labels of `facts`."""
    layout = read_layout(folder)
    if layout.task is Task.FEATURE_EXTRACTION:
        return build_encoder(layout, facts.task).eval()
    return build_classifier(layout, facts.labels).eval()


def build_classifier(layout: Layout, labels: tuple[str, ...]) -> TextClassifier | ImageClassifier:
    """A classifier, its outputs named `labels`; raises a RejectedFile."""
    model = read_pretrained(layout)
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: position for position, label in enumerate(labels)}
    if layout.task is Task.IMAGE_CLASSIFICATION:
        channels = int(getattr(model.config, "num_channels", 3))
        asked = read_json_object(layout.folder / PREPARATION_FILE)
        preparation = read_preparation(asked, channels)
        return ImageClassifier(model, preparation, labels, layout.folder)
    kind = TokenClassifier if layout.task is Task.TOKEN_CLASSIFICATION else TextClassifier
    tokens = _tokens(layout, "", model, layout.task)
    network = kind(model, tokens, labels, layout.folder)
    network.task = layout.task
    if isinstance(network, TextClassifier):
        network.bridge = read_bridge(layout.folder, network.width, network.width)
    return network


def build_encoder(layout: Layout, task: Task = Task.FEATURE_EXTRACTION) -> Encoder:
    """An encoder, with its head where the directory holds one; raises a RejectedFile.

    `task` is what a head that is added later will answer; a head that is there knows its own.
    """
    description = read_head_file(layout.folder)
    if description.labels or task is Task.FEATURE_EXTRACTION:
        task = Task(description.task)
    model = read_pretrained(layout)
    tokens = _tokens(layout, description.prefix, model, task, description.max_tokens)
    bridge = read_bridge(layout.folder, pooled_width(model, description))
    dense = _read_dense(layout.folder, description, model.config.get_text_config().hidden_size)
    kept = None
    if description.reads:
        kept = read_kept_head(layout.folder, description.reads, description.labels)
    kind = WordEncoder if task is Task.TOKEN_CLASSIFICATION else Encoder
    encoder = kind(model, tokens, description, layout.folder, bridge, kept, dense)
    encoder.task = task
    if kept is not None and kept.width != encoder.width:
        raise WeightsDoNotFit(HEAD_WEIGHTS_FILE, f"the head reads vectors of {kept.width} numbers")
    if description.labels and kept is None:
        _read_head(encoder, description, layout.folder / HEAD_WEIGHTS_FILE)
    return encoder


def _tokens(layout: Layout, prefix: str, model: Any, task: Task, most: int | None = None) -> Tokens:
    accepted = inspect.signature(model.forward).parameters.keys()
    of_words = task is Task.TOKEN_CLASSIFICATION
    tokens = Tokens(layout, prefix, accepted, of_words, most)
    _check_rows(tokens, model)
    # Classes that answer from the last token find the padding by this number.
    if model.config.get_text_config().pad_token_id is None:
        model.config.get_text_config().pad_token_id = tokens.pad_id
    return tokens


def _check_rows(tokens: Tokens, model: Any) -> None:
    try:
        rows = model.get_input_embeddings().weight.shape[0]
    except (NotImplementedError, AttributeError):
        return  # of a class that does not say; reading a text shows whether it fits
    if tokens.rows > rows:
        raise TokenizerDoesNotFit(tokens.rows, rows)


def _read_dense(folder: Path, description: HeadFile, width: int) -> DenseLayers | None:
    """The layers behind the pooling, with the weights that the directory has for them."""
    if not description.dense:
        return None
    name = DENSE_WEIGHTS_FILE
    if (folder / HEAD_FILE).is_file():
        weights = read_weight_file(
            folder / name, f"holds the `dense` layers of {HEAD_FILE}", "Add it."
        )
    else:
        weights, name = dense_weights(folder), MODULES_FILE
    layers = DenseLayers(description.dense)
    widths = [len(description.modes) * width, *(one.out_features for one in description.dense)]
    if [one.in_features for one in description.dense] != widths[:-1]:
        raise WeightsDoNotFit(name, f"the layers Dense do not read vectors of {widths[:-1]}")
    try:
        layers.load_state_dict({key: tensor.float() for key, tensor in weights.items()})
    except RuntimeError as problem:
        raise WeightsDoNotFit(name, str(problem)[:300]) from None
    return layers


def _read_head(encoder: Encoder, description: HeadFile, file: Path) -> None:
    advice = "Add it (`weight` and `bias`), or leave `labels` out of head.json."
    weights = read_weight_file(file, "holds the head whose labels head.json names", advice)
    wanted = {
        "weight": (len(description.labels), encoder.width),
        "bias": (len(description.labels),),
    }
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if found != wanted:
        raise WeightsDoNotFit(file.name, f"it holds {found}, but {wanted} is needed")
    assert encoder.classifier is not None
    encoder.classifier.load_state_dict(weights)
