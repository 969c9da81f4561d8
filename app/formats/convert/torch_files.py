"""Converts what torch.save, torch.export and SetFit wrote, to safetensors or ONNX."""

from __future__ import annotations

import importlib.util
import json
import logging
import pickle
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.domain.enums import Task
from app.domain.errors.model_files import (
    ConversionFailed,
    ConversionNeedsArchitecture,
    ConversionNeedsInput,
    ConversionNeedsPackage,
    ConversionNeedsTrust,
    ConversionUnknown,
    WeightsDoNotFit,
)
from app.domain.models import ModelHints
from app.formats.declared_network.architecture import ARCHITECTURE_FILE, read_architecture
from app.formats.declared_network.network import WEIGHTS_FILE, build_on_meta_device
from app.formats.huggingface.head_files import read_head_file, write_head_file
from app.formats.huggingface.layout import DENSE_WEIGHTS_FILE, HEAD_WEIGHTS_FILE
from app.formats.huggingface.sentence_transformers import dense_weights
from app.formats.json_files import read_json_object

# Under these names training scripts put the weights beside the optimiser's state.
_STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model", "net", "network")
_WEIGHTS, _INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
# All else in such a directory is other frameworks' weights, training state, or code.
_KEPT_SUFFIXES = (".json", ".txt", ".model", ".safetensors")
_SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
_STEP = re.compile(r"\d+_\w+")
SETFIT_HEAD_FILE = "model_head.pkl"
_SETFIT_CONFIG_FILE = "config_setfit.json"
_SETFIT_ADVICE = "Train the model again with SetFit's default head, a logistic regression."


@dataclass(frozen=True)
class ConversionRequest:
    """`input` is the JSON form of an ImageInput; `trust` allows the file to run code."""

    architecture: Path | None = None
    labels: tuple[str, ...] = ()
    input: dict[str, Any] = field(default_factory=dict)
    trust: bool = False

    def hints(self) -> ModelHints:
        """The same for a format's `inspect`."""
        return ModelHints(labels=self.labels, input=self.input)


def convert_pytorch_file(source: Path, folder: Path, request: ConversionRequest) -> None:
    """Write a declared network from weights, or an ONNX file from a whole module.

    Weights are read without running code; a whole module only with `request.trust`.
    """
    convert_content(_load_torch_file(source, request.trust), source, folder, request)


def convert_content(content: Any, source: Path, folder: Path, request: ConversionRequest) -> None:
    """What `convert_pytorch_file` does, of the `content` that was read from `source`."""
    if isinstance(content, nn.Module) and request.architecture is None:
        export_module(content, folder, request)
        return
    weights = content.state_dict() if isinstance(content, nn.Module) else _state_dict(content)
    if weights is None:
        advice = "Save network.state_dict() with torch.save, and convert that."
        reason = f"it holds a {type(content).__name__}, neither weights nor a PyTorch module."
        raise ConversionFailed(str(source), reason, advice)
    if request.architecture is None:
        raise ConversionNeedsArchitecture(str(source))
    _write_declared(weights, request.architecture, folder, request)


def _load_torch_file(source: Path, trust: bool) -> Any:
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not trust:
            raise ConversionNeedsTrust(str(source), "a pickle of more than weights") from error
    except (RuntimeError, EOFError, OSError) as error:
        advice = "Check that the file is complete and was written by torch.save."
        raise ConversionFailed(str(source), f"{error}".split("\n")[0], advice) from error
    return torch.load(source, map_location="cpu", weights_only=False)


def _state_dict(content: Any) -> dict[str, Tensor] | None:
    """The tensors by name, also where they lie one level deeper."""
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return dict(content)
    nested = [content[name] for name in _STATE_DICT_KEYS if isinstance(content.get(name), Mapping)]
    return _state_dict(nested[0]) if nested else None


def _write_declared(
    weights: dict[str, Tensor], architecture: Path, folder: Path, request: ConversionRequest
) -> None:
    architecture_json = json.loads(architecture.read_text(encoding="utf-8"))
    if request.labels and isinstance(architecture_json, dict):
        architecture_json.setdefault("labels", list(request.labels))
    text = json.dumps(architecture_json, indent=2)
    (folder / ARCHITECTURE_FILE).write_text(text, encoding="utf-8")
    layers, _ = build_on_meta_device(read_architecture(folder, request.input))
    named = _match_names(weights, layers.state_dict())
    save_file(
        {name: t.detach().contiguous().clone() for name, t in named.items()}, folder / WEIGHTS_FILE
    )


def _match_names(weights: dict[str, Tensor], layer_weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names of the layers, which the user's own network may not have.

    Names that fit are kept; otherwise the order must fit, shape by shape.
    """
    if weights.keys() == layer_weights.keys():
        return weights
    expected, actual = list(layer_weights.items()), list(weights.items())
    for (_, tensor), (name, found) in zip(expected, actual, strict=False):
        if tensor.shape != found.shape:
            has, needs = tuple(found.shape), tuple(tensor.shape)
            raise WeightsDoNotFit("the file", f"{name} is {has} where the layers need {needs}")
    if len(expected) != len(actual):
        counts = f"it has {len(actual)} tensors where the layers need {len(expected)}"
        raise WeightsDoNotFit("the file", counts)
    return {name: found for (name, _), (_, found) in zip(expected, actual, strict=True)}


def convert_exported_program(source: Path, folder: Path, request: ConversionRequest) -> None:
    """Write an ONNX file; only with `request.trust`, since reading the program can run code."""
    if not request.trust:
        raise ConversionNeedsTrust(str(source), "a torch.export archive")
    try:
        program = torch.export.load(source)
    except Exception as error:  # torch.export raises whatever the archive provokes
        advice = "Load it with the torch version that wrote it, and export it as ONNX there."
        raise ConversionFailed(str(source), str(error).split("\n")[0], advice) from error
    export_program(program, folder)


def export_module(module: nn.Module, folder: Path, request: ConversionRequest) -> None:
    """Write `model.onnx` for any batch of the images in `request.input`."""
    sides = [request.input.get(name) for name in ("channels", "height", "width")]
    if not all(isinstance(side, int) for side in sides):
        raise ConversionNeedsInput
    images = torch.zeros(2, *(int(side) for side in sides if side))
    batch = {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)}
    _export(module.eval().float(), (images,), folder, batch)


def export_program(program: torch.export.ExportedProgram, folder: Path) -> None:
    """Write `model.onnx` for the images that the program was made for."""
    _export(program, (), folder, {})


def _export(module: Any, arguments: tuple[Any, ...], folder: Path, options: dict[str, Any]) -> None:
    if importlib.util.find_spec("onnxscript") is None:
        raise ConversionNeedsPackage("onnxscript", "onnxscript")
    # The exporter warns of optional packages that most networks do not need.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    path = str(folder / "model.onnx")
    try:
        torch.onnx.export(
            module,
            arguments,
            path,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["images"],
            output_names=["logits"],
            **options,
        )
    except torch.onnx.OnnxExporterError as error:
        advice = "Export it with torch.onnx.export yourself, or describe it in architecture.json."
        raise ConversionFailed("The network", _last_line(error), advice) from error


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def convert_huggingface_folder(source: Path, folder: Path, request: ConversionRequest) -> None:
    """Write the directory with safetensors, and SetFit's head as one of safetensors.

    Weights are read without running code; the head is a pickle and needs `request.trust`.
    """
    if not _is_file_among(source, _SAFETENSORS):
        _write_weights(_weight_files(source), folder / _SAFETENSORS[0], request)
    for path in source.iterdir():
        if path.is_dir() and _STEP.fullmatch(path.name):
            _copy_step(path, folder / path.name, request)
        elif path.is_file() and _is_kept(path):
            shutil.copyfile(path, folder / path.name)
    if not (folder / "tokenizer.json").exists():
        _write_fast_tokenizer(folder)
    if (source / SETFIT_HEAD_FILE).is_file():
        convert_setfit_head(source, folder, request)


def _copy_step(source: Path, folder: Path, request: ConversionRequest) -> None:
    """A step of sentence-transformers after the encoder, such as 1_Pooling or 2_Dense."""
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file() and _is_kept(path):
            shutil.copyfile(path, folder / path.name)
    if (source / _WEIGHTS).is_file() and not (source / _SAFETENSORS[0]).is_file():
        _write_weights([source / _WEIGHTS], folder / _SAFETENSORS[0], request)


def _is_kept(path: Path) -> bool:
    return path.suffix in _KEPT_SUFFIXES and path.name != _INDEX


def _is_file_among(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for name in names)


def _write_weights(files: list[Path], target: Path, request: ConversionRequest) -> None:
    weights: dict[str, Tensor] = {}
    for file in files:
        weights |= _load_weights(file, request.trust)
    # A copy of each: safetensors refuses tensors that share their memory.
    plain = {name: tensor.detach().clone().contiguous() for name, tensor in weights.items()}
    save_file(plain, target, metadata={"format": "pt"})


def _weight_files(source: Path) -> list[Path]:
    if (source / _INDEX).is_file():
        index = json.loads((source / _INDEX).read_text(encoding="utf-8"))
        return [source / Path(name).name for name in sorted(set(index["weight_map"].values()))]
    if not (source / _WEIGHTS).is_file():
        raise ConversionUnknown(str(source))
    return [source / _WEIGHTS]


def _load_weights(file: Path, trust: bool) -> dict[str, Tensor]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        raise ConversionNeedsTrust(str(file), "a pickle of more than weights") from error
    except (RuntimeError, EOFError, OSError) as error:
        advice = "Check that the file is complete; with Git LFS, that it is no pointer."
        raise ConversionFailed(str(file), str(error).split("\n")[0], advice) from error
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}


def _write_fast_tokenizer(folder: Path) -> None:
    """Turn a vocabulary that only Python reads into `tokenizer.json`, where that is possible."""
    from transformers import AutoTokenizer

    if (folder / "preprocessor_config.json").exists():
        return
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        tokenizer.save_pretrained(folder)
    except (OSError, ValueError, ImportError) as error:
        advice = "Save it with AutoTokenizer.from_pretrained(...).save_pretrained(...) first."
        reason = "its tokenizer has no fast form."
        raise ConversionFailed(str(folder.name), reason, advice) from error


def convert_setfit_head(source: Path, folder: Path, request: ConversionRequest) -> None:
    """Write `head.json` and `head.safetensors` beside the encoder that is in `folder` already.

    Heads of one label, and of any number of labels (one-vs-rest, multi-output), give the same
    probabilities as scikit-learn's. Only with `request.trust`, since reading the pickle runs code.
    Raises `ConversionNeedsTrust` and `ConversionFailed`.
    """
    if not request.trust:
        raise ConversionNeedsTrust(str(source / SETFIT_HEAD_FILE), "a pickle of scikit-learn")
    weight, bias, classes, task = _linear_head(
        load_pickle(
            source / SETFIT_HEAD_FILE,
            "SetFit and scikit-learn are installed as they were in training",
        )
    )
    config = (
        read_json_object(source / _SETFIT_CONFIG_FILE)
        if (source / _SETFIT_CONFIG_FILE).is_file()
        else {}
    )
    labels = _head_labels(classes, request.labels or config.get("labels") or ())
    pooled = read_head_file(folder)
    normalize = pooled.normalize or bool(config.get("normalize_embeddings"))
    head_fields = {"labels": labels, "task": task.value, "normalize": normalize}
    write_head_file(pooled.model_copy(update=head_fields), folder)
    if pooled.dense:
        save_file(dense_weights(folder), folder / DENSE_WEIGHTS_FILE)
    tensors = {
        "weight": torch.tensor(weight, dtype=torch.float32).contiguous(),
        "bias": torch.tensor(bias, dtype=torch.float32).contiguous(),
    }
    save_file(tensors, folder / HEAD_WEIGHTS_FILE)


def load_pickle(file: Path, packages: str) -> Any:
    """What joblib reads of a trusted file; ConversionFailed advises to have `packages`."""
    import joblib

    try:
        return joblib.load(file)
    except Exception as error:  # a pickle raises whatever its classes provoke
        advice = f"Run this where {packages}."
        raise ConversionFailed(str(file), f"{type(error).__name__}: {error}", advice) from error


def _linear_head(head: Any) -> tuple[np.ndarray, np.ndarray, list[Any], Task]:
    """Weight (outputs, width), bias (outputs), the classes in their order, and the task."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.multioutput import MultiOutputClassifier

    if isinstance(head, OneVsRestClassifier | MultiOutputClassifier):
        parts = list(head.estimators_)
        if not all(isinstance(part, LogisticRegression) for part in parts):
            raise ConversionFailed(
                SETFIT_HEAD_FILE, "not each of its parts is a logistic regression.", _SETFIT_ADVICE
            )
        weight = np.concatenate([part.coef_ for part in parts])
        bias = np.concatenate([part.intercept_ for part in parts])
        return weight, bias, list(range(len(parts))), Task.MULTI_LABEL_CLASSIFICATION
    if not isinstance(head, LogisticRegression):
        raise ConversionFailed(SETFIT_HEAD_FILE, f"it is a {type(head).__name__}.", _SETFIT_ADVICE)
    if getattr(head, "multi_class", None) == "ovr" and len(head.classes_) > 2:
        raise ConversionFailed(
            SETFIT_HEAD_FILE, "it was fitted one class against the rest.", _SETFIT_ADVICE
        )
    weight, bias = head.coef_, head.intercept_
    if len(weight) == 1:  # of two classes the second's logit alone, the first's being 0
        weight = np.concatenate([np.zeros_like(weight), weight])
        bias = np.concatenate([np.zeros_like(bias), bias])
    return weight, bias, list(head.classes_), Task.TEXT_CLASSIFICATION


def _head_labels(classes: list[Any], named: Any) -> tuple[str, ...]:
    """Numbers are positions among the labels that the configuration names."""
    positions = all(isinstance(one, int | np.integer) for one in classes)
    if named and positions and max(classes) < len(named):
        return tuple(str(named[int(one)]) for one in classes)
    return tuple(str(one) for one in classes)
