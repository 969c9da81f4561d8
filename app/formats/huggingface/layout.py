"""What a Hugging Face directory holds, by its JSON files alone; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from app.domain.enums import Task
from app.domain.errors.model_files import (
    ArchitectureUnsupported,
    FileInvalid,
    FileMissing,
    FormatRunsCode,
    TaskUnsupported,
)
from app.formats.json_files import read_json_object

CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
IMAGE_PROCESSOR_FILE = "preprocessor_config.json"
HEAD_FILE = "head.json"
HEAD_WEIGHTS_FILE = "head.safetensors"
DENSE_WEIGHTS_FILE = "dense.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_OWN_TYPE, _OWN_CLASS = "babelport_", "Babelport"
_CODE = "a description of code in Python (`auto_map`)"
# A masked language model is a plain encoder with a word head, which is left away.
_ENCODERS = ("Model", "ForMaskedLM", "ForPreTraining")
# These end in "Model" as well; the heads of the old ...WithLMHeadModel are masked ones.
_GENERATORS = ("LMHeadModel", "DoubleHeadsModel")
_MASKED = "WithLMHeadModel"
# What transformers' classes call a head that answers with labels.
_HEADS = {
    *("classifier", "pre_classifier", "classification_head"),
    *("score", "logits_proj", "qa_outputs"),
}


@dataclass(frozen=True)
class Layout:
    """A directory's `config.json` and what follows from it.

    `task` is FEATURE_EXTRACTION for a plain encoder even where `head.json` adds labels. `renamed`
    says that the file itself has names that transformers does not know.
    """

    folder: Path
    config: dict[str, Any]
    architecture: str
    task: Task
    renamed: bool = False


def read_layout(folder: Path) -> Layout:
    """Read and check the JSON files; raises a `RejectedFile`."""
    written = read_json_object(folder / CONFIG_FILE)
    config = with_names_of_transformers(written)
    architecture = check_config(CONFIG_FILE, config)
    _refuse_foreign_code(folder)
    renamed = config is not written
    layout = Layout(folder, config, architecture, _task(config, architecture), renamed)
    _require_files(layout)
    if not config.get("architectures"):
        _refuse_hidden_head(layout)
    return layout


def head_weights(folder: Path) -> list[str]:
    """The tensors of a head that answers with labels, by name; FileInvalid for damaged weights."""
    return sorted(name for name in _weight_names(folder) if name.split(".")[0] in _HEADS)


def with_own_names(config: dict[str, Any]) -> dict[str, Any]:
    """`config.json` under names that plain transformers refuses.

    For a directory whose answers need files that transformers passes over, a head of
    Babelport's or a bridge: it would answer without them, from a head drawn at random.
    """
    named = [_OWN_CLASS + name for name in config["architectures"]]
    return config | {"model_type": _OWN_TYPE + config["model_type"], "architectures": named}


def with_names_of_transformers(config: dict[str, Any]) -> dict[str, Any]:
    """What `with_own_names` was made of; any other configuration itself."""
    kind, named = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str) or not kind.startswith(_OWN_TYPE) or not isinstance(named, list):
        return config
    names = [str(name).removeprefix(_OWN_CLASS) for name in named]
    return config | {"model_type": kind.removeprefix(_OWN_TYPE), "architectures": names}


def check_config(file: str, config: dict[str, Any]) -> str:
    """The architecture that `config`, the content of `file`, names first.

    Raises FileInvalid, and FormatRunsCode and ArchitectureUnsupported for what would bring code
    from elsewhere or is quantised.
    """
    if not isinstance(config.get("model_type"), str):
        raise FileInvalid(file, "it names no `model_type`")
    named = config.get("architectures") or [f"{config['model_type']}Model"]
    if not isinstance(named, list) or not isinstance(named[0], str):
        raise FileInvalid(file, "`architectures` is no list of names")
    if config.get("auto_map"):
        raise FormatRunsCode(file, _CODE)
    if config.get("quantization_config"):
        raise ArchitectureUnsupported(named[0], "its weights are quantised")
    attention = config.get("attn_implementation") or config.get("_attn_implementation") or ""
    if "/" in str(attention):
        raise ArchitectureUnsupported(named[0], "it fetches its attention from elsewhere")
    return named[0]


def _refuse_foreign_code(folder: Path) -> None:
    for name in ("tokenizer_config.json", IMAGE_PROCESSOR_FILE):
        content = read_json_object(folder / name) if (folder / name).is_file() else {}
        if content.get("auto_map"):
            raise FormatRunsCode(name, _CODE)


def _task(config: dict[str, Any], architecture: str) -> Task:
    if config.get("problem_type") == "regression":
        raise TaskUnsupported("a regression model")
    if config.get("is_encoder_decoder"):
        raise TaskUnsupported(f"a sequence-to-sequence model ({architecture})")
    if architecture.endswith("ForSequenceClassification"):
        several = config.get("problem_type") == "multi_label_classification"
        return Task.MULTI_LABEL_CLASSIFICATION if several else Task.TEXT_CLASSIFICATION
    if architecture.endswith("ForTokenClassification"):
        return Task.TOKEN_CLASSIFICATION
    if architecture.endswith("ForImageClassification"):
        return Task.IMAGE_CLASSIFICATION
    if architecture.endswith(_GENERATORS) and not architecture.endswith(_MASKED):
        raise TaskUnsupported(f"a {architecture}, which generates text")
    if architecture.endswith(_ENCODERS):
        return Task.FEATURE_EXTRACTION
    raise TaskUnsupported(f"a {architecture}")


def _require_files(layout: Layout) -> None:
    if layout.task is Task.IMAGE_CLASSIFICATION:
        _require(layout, IMAGE_PROCESSOR_FILE, "says how images are scaled", "processor")
    elif not (layout.folder / TOKENIZER_FILE).is_file():
        if (layout.folder / IMAGE_PROCESSOR_FILE).is_file():
            raise TaskUnsupported(f"an image encoder without a head ({layout.architecture})")
        _require(layout, TOKENIZER_FILE, "turns text into numbers", "tokenizer (a fast one)")
    _require_weights(layout.folder)


def _require(layout: Layout, file: str, purpose: str, maker: str) -> None:
    if not (layout.folder / file).is_file():
        advice = f"Call `save_pretrained` of the model's {maker} on the same directory."
        raise FileMissing(file, purpose, advice)


def _require_weights(folder: Path) -> None:
    advice = "Call `save_pretrained(directory)` of the model, which writes safetensors."
    if (folder / INDEX_FILE).is_file():
        names = read_json_object(folder / INDEX_FILE).get("weight_map")
        if not isinstance(names, dict) or not names:
            raise FileInvalid(INDEX_FILE, "it has no `weight_map`")
        for name in {str(value) for value in names.values()}:
            # A name with a folder in it could reach files outside the upload.
            if "/" in name or not (folder / name).is_file():
                raise FileMissing(name, f"{INDEX_FILE} names", advice)
    elif not (folder / "model.safetensors").is_file():
        raise FileMissing("model.safetensors", "holds the weights", advice)


def _weight_names(folder: Path) -> list[str]:
    if (folder / INDEX_FILE).is_file():
        return list(read_json_object(folder / INDEX_FILE)["weight_map"])
    try:
        with safe_open(folder / "model.safetensors", framework="numpy") as opened:
            return list(opened.keys())
    except SafetensorError as problem:
        raise FileInvalid("model.safetensors", str(problem)) from None


def _refuse_hidden_head(layout: Layout) -> None:
    """Without a class the body alone would be read, and its answers lost without a word."""
    if found := head_weights(layout.folder):
        raise FileInvalid(
            CONFIG_FILE,
            f"it names no `architectures`, but the weights hold a head ({found[0]})",
            'Add "architectures": ["...ForSequenceClassification"], "...ForTokenClassification" '
            "or whatever class the model was saved from; for the body alone name "
            '"...Model".',
        )
