"""The files of an encoder's head: `head.json`, a kept classifier head, and the bridge before it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification

from app.domain.errors.model_files import ArchitectureUnsupported, FileInvalid, WeightsDoNotFit
from app.formats.huggingface.head_split import HeadSplit, ZeroBody, body_replaced
from app.formats.huggingface.layout import HEAD_FILE, HEAD_WEIGHTS_FILE, check_config
from app.formats.huggingface.sentence_transformers import (
    DenseLayer,
    PoolingMode,
    read_sentence_encoder,
)
from app.formats.json_files import checked_labels, read_json_model, read_json_object
from app.formats.safetensors_files import read_weight_file
from app.learn.bridge import Bridge, LanguageShift

KEPT_HEAD_FILE = "head_config.json"
_MOST_NUMBERS = 2**24
Shapes = Mapping[str, tuple[int, ...]]
BRIDGE_FILE = "bridge.json"
BRIDGE_WEIGHTS_FILE = "bridge.safetensors"


class HeadFile(BaseModel):
    """The content of `head.json`; every field may be left out.

    `pooling` says how, in several ways a list whose vectors are concatenated; `dense` are layers
    behind it, whose weights stand in `dense.safetensors`; `max_tokens` bounds what is read.
    `reads` marks a head kept from a sequence classifier: the shapes (1, ...) of what its class
    reads from a body, by name.
    `task` says what the head answers: one label, any number of labels, or a tag for each word.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: PoolingMode | tuple[PoolingMode, ...] = "mean"
    dense: tuple[DenseLayer, ...] = Field((), max_length=20)
    prefix: str = Field("", max_length=1000)
    normalize: bool = False
    max_tokens: PositiveInt | None = None
    labels: tuple[str, ...] = ()
    reads: dict[str, tuple[PositiveInt, ...]] = Field({}, max_length=20)
    task: Literal["text-classification", "multi-label-classification", "token-classification"] = (
        "text-classification"
    )

    @property
    def modes(self) -> tuple[PoolingMode, ...]:
        """The ways of pooling."""
        return (self.pooling,) if isinstance(self.pooling, str) else self.pooling


def read_head_file(folder: Path) -> HeadFile:
    """`head.json`; without one, what a sentence-transformers directory says, or the defaults."""
    file = folder / HEAD_FILE
    if not file.is_file():
        return _from_sentence_transformers(folder)
    head = read_json_model(file, HeadFile)
    if not head.modes:
        raise FileInvalid(HEAD_FILE, "`pooling` names no way of pooling")
    if "labels" in head.model_fields_set:
        checked_labels(HEAD_FILE, list(head.labels))
    return head


def write_head_file(head: HeadFile, folder: Path) -> None:
    """Write `head.json`, without `labels`, their `task` and `reads` when there are none."""
    optional = ("labels", "reads", "dense", "max_tokens")
    empty = {name for name in optional if not getattr(head, name)}
    content = head.model_dump(exclude=empty if head.labels else empty | {"task"})
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / HEAD_FILE).write_text(text, encoding="utf-8")


def _from_sentence_transformers(folder: Path) -> HeadFile:
    """`modules.json` lists the steps after the encoder, each with a folder of its own."""
    read = read_sentence_encoder(folder)
    if read is None:
        return HeadFile()
    return HeadFile(
        pooling=read.pooling if len(read.pooling) > 1 else read.pooling[0],
        dense=read.dense,
        prefix=read.prefix,
        normalize=read.normalize,
        max_tokens=read.max_tokens,
    )


class KeptHead(nn.Module):
    """A transformers sequence classifier whose body is absent; it maps features to logits.

    `model` has an AbsentBody in the place of its body, which answers zeros of the shapes `reads`.
    """

    def __init__(self, model: Any, reads: Shapes) -> None:
        super().__init__()
        self.model = model.eval()
        self.reads = reads
        ids = torch.zeros(2, next(iter(reads.values()))[1], dtype=torch.int64)
        probe = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        self._split = HeadSplit(model, probe, model.config.get_text_config().pad_token_id)

    @classmethod
    def of(cls, model: Any, split: HeadSplit) -> KeptHead:
        """A copy of the head of `model`, which `split` splits."""
        with body_replaced(model, ZeroBody(split.reads)):
            bodiless = copy.deepcopy(model)
        return cls(bodiless, split.reads)

    @property
    def width(self) -> int:
        """Of the features it reads."""
        return self._split.width

    def forward(self, features: Tensor) -> Tensor:
        """Logits (n, classes) for features (n, width)."""
        return self._split.head(features)

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """The head's parameters."""
        return self.model.parameters(recurse)

    def reset_parameters(self) -> None:
        """Draw the head anew as its own class initialises it."""
        for module in self.model.modules():
            self.model._init_weights(module)


def write_kept_head(head: KeptHead, folder: Path) -> None:
    """Write the class's own configuration and the head's tensors."""
    text = head.model.config.to_json_string(use_diff=False)
    (folder / KEPT_HEAD_FILE).write_text(text, encoding="utf-8")
    tensors = {name: t.detach().contiguous() for name, t in head.model.state_dict().items()}
    save_file(tensors, folder / HEAD_WEIGHTS_FILE)


def read_kept_head(folder: Path, reads: Shapes, labels: tuple[str, ...]) -> KeptHead:
    """The head in `folder`; raises a RejectedFile that says what is wrong."""
    if any(len(shape) < 2 or math.prod(shape) > _MOST_NUMBERS for shape in reads.values()):
        raise FileInvalid("head.json", "`reads` has shapes that no body answers with")
    model = _without_body(folder, reads)
    advice = "Save the model again with the program that made it."
    weights = read_weight_file(folder / HEAD_WEIGHTS_FILE, "holds the head", advice)
    try:
        model.load_state_dict({name: t.float() for name, t in weights.items()}, assign=True)
    except RuntimeError as problem:
        raise WeightsDoNotFit(HEAD_WEIGHTS_FILE, str(problem)[:300]) from None
    if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
        raise ArchitectureUnsupported(type(model).__name__, "its head holds more than weights")
    model.requires_grad_(True)
    head = KeptHead(model, reads)
    if model.config.num_labels != len(labels):
        raise FileInvalid(KEPT_HEAD_FILE, f"it has not the {len(labels)} labels of head.json")
    return head


def _without_body(folder: Path, reads: Shapes) -> Any:
    """The classifier that `head_config.json` describes: no body, and nothing in its tensors."""
    if not reads or not (folder / KEPT_HEAD_FILE).is_file():
        raise FileInvalid("head.json", f"`reads` needs {KEPT_HEAD_FILE} beside it")
    content = read_json_object(folder / KEPT_HEAD_FILE)
    check_config(KEPT_HEAD_FILE, content)
    try:
        config = CONFIG_MAPPING[content["model_type"]].from_dict(content)
        # Nothing is computed and no memory taken for the body, which is taken away at once.
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        reason = f"no classifier can be built from it ({problem})"
        raise FileInvalid(KEPT_HEAD_FILE, reason[:500]) from None
    setattr(model, model.base_model_prefix, ZeroBody(reads))
    return model


class BridgeFile(BaseModel):
    """The content of `bridge.json`.

    With `languages` there are the tensors `means`, float (languages, width), and `covariance`,
    float (width, width), as in LanguageShift, by `rows` vectors; with `map` there are `weight`,
    float (out, width), and `bias`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: tuple[str, ...] = Field((), max_length=1000)
    rows: int = Field(0, ge=0)
    map: bool = False
    normalize: bool = False


def read_bridge(folder: Path, width: int, out: int | None = None) -> Bridge | None:
    """The folder's bridge from vectors of `width`, to `out` where that is known; None without one.

    Raises FileInvalid, FileMissing and WeightsDoNotFit.
    """
    if not (folder / BRIDGE_FILE).is_file():
        return None
    bridge_file = read_json_model(folder / BRIDGE_FILE, BridgeFile)
    weights = read_weight_file(
        folder / BRIDGE_WEIGHTS_FILE,
        f"holds the tensors of {BRIDGE_FILE}",
        f"Add it, or leave {BRIDGE_FILE} out.",
    )
    out = (len(weights["weight"]) if bridge_file.map and "weight" in weights else width) or width
    _check_shapes(bridge_file, weights, width, out)
    linear = None
    if bridge_file.map:
        linear = nn.Linear(width, out)
        linear.load_state_dict({name: weights[name].float() for name in ("weight", "bias")})
    shift = None
    if bridge_file.languages:
        means, covariance = weights["means"].float(), weights["covariance"].float()
        shift = LanguageShift(bridge_file.languages, means, covariance, bridge_file.rows)
    return Bridge(linear, shift, bridge_file.normalize)


def write_bridge(bridge: Bridge, folder: Path) -> None:
    """Write both files."""
    bridge_file = BridgeFile(
        languages=bridge.languages,
        rows=bridge.shift.rows if bridge.shift else 0,
        map=bridge.linear is not None,
        normalize=bridge.normalize,
    )
    text = json.dumps(bridge_file.model_dump(), ensure_ascii=False, indent=2)
    (folder / BRIDGE_FILE).write_text(text, encoding="utf-8")
    tensors: dict[str, Tensor] = dict(bridge.linear.state_dict()) if bridge.linear else {}
    if bridge.shift is not None:
        tensors |= bridge.shift.state_dict()
    kept = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(kept, folder / BRIDGE_WEIGHTS_FILE)


def _check_shapes(
    bridge_file: BridgeFile, weights: dict[str, Tensor], width: int, out: int
) -> None:
    expected: dict[str, tuple[int, ...]] = {}
    if bridge_file.languages:
        expected |= {"means": (len(bridge_file.languages), width), "covariance": (width, width)}
    if bridge_file.map:
        expected |= {"weight": (out, width), "bias": (out,)}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if found != expected:
        raise WeightsDoNotFit(BRIDGE_WEIGHTS_FILE, f"it holds {found}, but {expected} is needed")
    if len(set(bridge_file.languages)) != len(bridge_file.languages):
        raise WeightsDoNotFit(BRIDGE_WEIGHTS_FILE, f"{BRIDGE_FILE} names a language twice")
