"""Reads a Hugging Face directory: the facts of its model, and its Network."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)
from transformers.utils import logging

from app.domain.enums import Format, Task
from app.domain.errors.model_files import (
    ArchitectureUnsupported,
    FileInvalid,
    TaskUnsupported,
    TokenizerDoesNotFit,
    WeightsDoNotFit,
    WeightsNotFinite,
)
from app.domain.models import ImageInput, ModelFacts, ModelHints, TextInput
from app.formats.huggingface.classifiers import (
    ImageClassifier,
    TextClassifier,
    TokenClassifier,
    WordEncoder,
)
from app.formats.huggingface.encoder import Encoder, pooled_width
from app.formats.huggingface.head_files import HeadFile, read_bridge, read_head_file, read_kept_head
from app.formats.huggingface.image_processor import read_image_processor
from app.formats.huggingface.layout import (
    CONFIG_FILE,
    DENSE_WEIGHTS_FILE,
    HEAD_FILE,
    HEAD_WEIGHTS_FILE,
    IMAGE_PROCESSOR_FILE,
    Layout,
    head_weights,
    read_layout,
)
from app.formats.huggingface.sentence_transformers import MODULES_FILE, DenseLayers, dense_weights
from app.formats.huggingface.tokenizer import TextTokenizer
from app.formats.json_files import checked_labels, choose_labels, read_json_object
from app.formats.safetensors_files import read_linear_weights, read_weight_file
from app.learn.data.examples import Inputs, texts_of
from app.learn.network import Network

_WEIGHTS = "model.safetensors"
_CLASSES: dict[Task, Any] = {
    Task.TEXT_CLASSIFICATION: AutoModelForSequenceClassification,
    Task.MULTI_LABEL_CLASSIFICATION: AutoModelForSequenceClassification,
    Task.TOKEN_CLASSIFICATION: AutoModelForTokenClassification,
    Task.IMAGE_CLASSIFICATION: AutoModelForImageClassification,
    Task.FEATURE_EXTRACTION: AutoModel,
}


def inspect_folder(folder: Path, hints: ModelHints) -> ModelFacts:
    """The facts; raises a `RejectedFile`."""
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
        shape = network.image_processor.shape
    else:
        shape = TextInput(network.tokens.max_tokens)
        _check_longest_input(network, network.tokens.max_tokens)
    return _facts(layout, layout.task, labels, shape, network)


def _inspect_encoder(layout: Layout) -> ModelFacts:
    encoder = build_encoder(layout)
    try:
        with torch.no_grad():
            features = encoder.features(encoder.collate(_probe_inputs(encoder)))
    except (ValueError, TypeError, AttributeError, RuntimeError) as problem:
        reason = f"it gives no vectors of texts alone ({problem})"[:500]
        raise ArchitectureUnsupported(layout.architecture, reason) from None
    if not bool(torch.isfinite(features).all()):
        raise WeightsNotFinite
    task = encoder.task if encoder.labels else Task.FEATURE_EXTRACTION
    shape = TextInput(encoder.tokens.max_tokens, encoder.tokens.prefix)
    _check_longest_input(encoder, shape.max_tokens)
    facts = _facts(layout, task, encoder.labels, shape, encoder)
    return replace(facts, notes=_head_left_out(layout))


def _head_left_out(layout: Layout) -> tuple[str, ...]:
    if not (found := head_weights(layout.folder)):
        return ()
    return (
        f"The weights hold a head ({found[0]}) that {layout.architecture}, the class in "
        f"{CONFIG_FILE}, does not have; it was left out.",
    )


def _check_longest_input(network: Encoder | TextClassifier, tokens: int) -> None:
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


def _probe_inputs(encoder: Encoder) -> Inputs:
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
        processor_config = read_json_object(layout.folder / IMAGE_PROCESSOR_FILE)
        image_processor = read_image_processor(processor_config, channels)
        return ImageClassifier(model, image_processor, labels, layout.folder)
    kind = TokenClassifier if layout.task is Task.TOKEN_CLASSIFICATION else TextClassifier
    tokens = _read_tokenizer(layout, "", model, layout.task)
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
    tokens = _read_tokenizer(layout, description.prefix, model, task, description.max_tokens)
    bridge = read_bridge(layout.folder, pooled_width(model, description))
    dense = _read_dense(layout.folder, description, model.config.get_text_config().hidden_size)
    kept_head = None
    if description.reads:
        kept_head = read_kept_head(layout.folder, description.reads, description.labels)
    kind = WordEncoder if task is Task.TOKEN_CLASSIFICATION else Encoder
    encoder = kind(model, tokens, description, layout.folder, bridge, kept_head, dense)
    encoder.task = task
    if kept_head is not None and kept_head.width != encoder.width:
        raise WeightsDoNotFit(
            HEAD_WEIGHTS_FILE, f"the head reads vectors of {kept_head.width} numbers"
        )
    if description.labels and kept_head is None:
        _read_head(encoder, description, layout.folder / HEAD_WEIGHTS_FILE)
    return encoder


def _read_tokenizer(
    layout: Layout, prefix: str, model: Any, task: Task, max_tokens: int | None = None
) -> TextTokenizer:
    accepted = inspect.signature(model.forward).parameters.keys()
    of_words = task is Task.TOKEN_CLASSIFICATION
    tokens = TextTokenizer(layout, prefix, accepted, of_words, max_tokens)
    _check_rows(tokens, model)
    # Classes that answer from the last token find the padding by this number.
    if model.config.get_text_config().pad_token_id is None:
        model.config.get_text_config().pad_token_id = tokens.pad_id
    return tokens


def _check_rows(tokens: TextTokenizer, model: Any) -> None:
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
    shape = len(description.labels), encoder.width
    weights = read_linear_weights(
        file, shape, "holds the head whose labels head.json names", advice
    )
    assert encoder.classifier is not None
    encoder.classifier.load_state_dict(weights)


def read_pretrained(layout: Layout) -> Any:
    """The directory's transformers model, float32; raises a RejectedFile that names what is wrong.

    An encoder's pooler that the file has no weights for is left away: nothing reads it.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, report = _from_pretrained(layout)
    _refuse_other_shapes(report["mismatched_keys"], layout)
    missing = set(report["missing_keys"])
    if layout.task is Task.FEATURE_EXTRACTION and all("pooler." in key for key in missing):
        if missing:
            model.pooler = None
    elif missing:
        raise WeightsDoNotFit(_WEIGHTS, f"it lacks {_first_keys(missing)}")
    return model


def _refuse_other_shapes(mismatched: Iterable[tuple[str, Any, Any]], layout: Layout) -> None:
    """Names the first tensor that is not as `config.json` says, the head's before others."""
    found = sorted(mismatched, key=lambda one: ("classifier" not in one[0], one[0]))
    if found:
        name, has, needs = found[0][0], *(tuple(shape) for shape in found[0][1:])
        labels = len(layout.config.get("id2label") or ())
        explanation = (
            f" for its {labels} labels" if has[:1] != needs[:1] and needs[0] == labels else ""
        )
        raise WeightsDoNotFit(
            _WEIGHTS, f"{name} is {has} where {CONFIG_FILE} asks for {needs}{explanation}"
        )


def _from_pretrained(layout: Layout) -> tuple[Any, dict[str, Any]]:
    try:
        model, report = _CLASSES[layout.task].from_pretrained(
            layout.folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are named below
            **_configuration(layout),
        )
    except (ImportError, KeyError) as problem:
        raise ArchitectureUnsupported(layout.architecture, str(problem)[:300]) from None
    except (ValueError, TypeError, AttributeError) as problem:
        raise FileInvalid(
            CONFIG_FILE, f"no network can be built from it ({problem})"[:500]
        ) from None
    except Exception as problem:
        # safetensors has one exception, below Exception itself.
        if type(problem).__name__ == "SafetensorError":
            raise FileInvalid(_WEIGHTS, str(problem)) from None
        raise
    return model, report


def _configuration(layout: Layout) -> dict[str, Any]:
    """What transformers cannot read from the directory itself."""
    if not layout.renamed:
        return {}
    return {"config": CONFIG_MAPPING[layout.config["model_type"]].from_dict(layout.config)}


def _first_keys(keys: Iterable[str]) -> str:
    names = sorted(keys)
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
