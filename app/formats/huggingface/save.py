"""Writes a Network back as the Hugging Face directory that it came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from app.formats.huggingface.classifiers import ImageClassifier, TextClassifier
from app.formats.huggingface.encoder import Encoder
from app.formats.huggingface.head_files import (
    KeptHead,
    write_bridge,
    write_head_file,
    write_kept_head,
)
from app.formats.huggingface.layout import (
    CONFIG_FILE,
    DENSE_WEIGHTS_FILE,
    HEAD_WEIGHTS_FILE,
    IMAGE_PROCESSOR_FILE,
    with_own_names,
)
from app.formats.safetensors_files import stored_dtype
from app.learn.network import Network

README_FILE = "README.md"
_README = """# A model of Babelport

The encoder of this directory is one of transformers; what answers is more: pooling and a head
(`head.json`, `head.safetensors`), and where they are there a shift by language and a map
(`bridge.json`, `bridge.safetensors`). No class of transformers reads these, and one that read the
encoder alone would answer from a head drawn at random. So `config.json` has names that transformers
does not know (`babelport_...`): `pipeline` and `AutoModel` say so.

- Upload the directory to a Babelport service, which answers with all of it.
- Or download the model with `GET /v1/models/{model}/artifact?format=onnx`: one ONNX graph with
  everything inside, and its tokenizer; or with `?format=sentence-transformers&language=...`: plain
  modules in which every text is taken to be of one language.
- For the encoder alone, take `babelport_` and `Babelport` out of `config.json`.
"""
_COPIED_FILES = (IMAGE_PROCESSOR_FILE, "LICENSE", "LICENSE.txt")


def save(network: Network, folder: Path) -> None:
    """Write weights, labels and the source directory's small files into an empty folder.

    The body keeps the source's number type; the head stays float32, since what little it weighs
    decides the answers.
    """
    if not isinstance(network, TextClassifier | ImageClassifier | Encoder):
        raise TypeError(f"A {type(network).__name__} is no Hugging Face network.")
    kind = stored_dtype(network.source)
    network.model.save_pretrained(folder, state_dict=_cast(network, kind))
    _complete_config(folder, kind, alone=not _needs_more(network))
    for name in _COPIED_FILES:
        if (network.source / name).is_file():
            shutil.copyfile(network.source / name, folder / name)
    if isinstance(network, TextClassifier | Encoder):
        network.tokens.write(folder)
    if isinstance(network, Encoder):
        _write_head(network, folder)
    if isinstance(network, Encoder | TextClassifier) and network.bridge is not None:
        write_bridge(network.bridge, folder)


def _cast(network: Any, kind: torch.dtype) -> dict[str, Tensor]:
    head = {id(parameter) for parameter in network.head_parameters()}
    tensors = network.model.state_dict(keep_vars=True)
    return {
        name: tensor.detach().to(kind)
        if tensor.is_floating_point() and id(tensor) not in head
        else tensor.detach()
        for name, tensor in tensors.items()
    }


def _complete_config(folder: Path, kind: torch.dtype, alone: bool) -> None:
    """Write the number type; and Babelport's names unless transformers `alone` answers rightly."""
    file = folder / CONFIG_FILE
    config = json.loads(file.read_text(encoding="utf-8"))
    config["dtype"] = str(kind).removeprefix("torch.")
    if not alone:
        config = with_own_names(config)
        (folder / README_FILE).write_text(_README, encoding="utf-8")
    file.write_text(json.dumps(config, ensure_ascii=False, indent=2), encoding="utf-8")


def _needs_more(network: TextClassifier | ImageClassifier | Encoder) -> bool:
    """Whether its answers need a head or a bridge that no class of transformers has."""
    bridged = isinstance(network, TextClassifier | Encoder) and network.bridge is not None
    return bridged or (isinstance(network, Encoder) and bool(network.labels))


def _write_head(encoder: Encoder, folder: Path) -> None:
    answers = {"labels": encoder.labels, "task": str(encoder.task)}
    write_head_file(encoder.description.model_copy(update=answers), folder)
    if encoder.dense is not None:
        weights = {name: t.contiguous() for name, t in encoder.dense.state_dict().items()}
        save_file(weights, folder / DENSE_WEIGHTS_FILE)
    if isinstance(encoder.classifier, KeptHead):
        write_kept_head(encoder.classifier, folder)
    elif encoder.classifier is not None:
        weights = {name: t.contiguous() for name, t in encoder.classifier.state_dict().items()}
        save_file(weights, folder / HEAD_WEIGHTS_FILE)
