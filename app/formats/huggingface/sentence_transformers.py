"""From tokens to a text's vector: what a sentence-transformers directory says, and its pooling."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn

from app.domain.errors.model_files import ArchitectureUnsupported, FileInvalid, FileMissing
from app.formats.json_files import read_json_object
from app.formats.safetensors_files import read_weight_file

PoolingMode = Literal["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
Activation = Literal[
    "Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid", "LeakyReLU", "ELU", "Mish", "Softplus"
]
MODULES_FILE = "modules.json"
# In the order in which their vectors are concatenated; the last release has one key in their place.
POOLING_FLAGS: dict[str, PoolingMode] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


class DenseLayer(BaseModel):
    """A linear layer behind the pooling, and torch.nn's activation after it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_features: PositiveInt
    out_features: PositiveInt
    bias: bool = True
    activation: Activation = "Tanh"


class DenseLayers(nn.ModuleList):
    """Layers that a sentence vector passes, float (n, in) to float (n, out)."""

    def __init__(self, layers: Sequence[DenseLayer]) -> None:
        super().__init__(nn.Linear(one.in_features, one.out_features, one.bias) for one in layers)
        self._activations = [getattr(nn, one.activation)() for one in layers]

    def forward(self, vectors: Tensor) -> Tensor:
        """The vectors behind the last layer."""
        for linear, activation in zip(self, self._activations, strict=True):
            vectors = activation(linear(vectors))
        return vectors

    def reset_parameters(self) -> None:
        """Draw every layer anew."""
        for linear in self:
            cast(nn.Linear, linear).reset_parameters()


def pool(tokens: Tensor, mask: Tensor, modes: Sequence[PoolingMode]) -> Tensor:
    """Float (n, modes * width) of tokens, float (n, longest, width), and mask, int (n, longest).

    Padding may stand on either side. Several modes are concatenated in their order.
    """
    pooled = [_POOL[mode](tokens, mask) for mode in modes]
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=-1)


def _first(tokens: Tensor, mask: Tensor) -> Tensor:
    return _at(tokens, mask.int().argmax(dim=1))


def _last(tokens: Tensor, mask: Tensor) -> Tensor:
    return _at(tokens, (mask.cumsum(dim=1) * mask).int().argmax(dim=1))


def _max(tokens: Tensor, mask: Tensor) -> Tensor:
    return tokens.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    counted = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1.0)


def _mean_sqrt_len(tokens: Tensor, mask: Tensor) -> Tensor:
    counted = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1.0).sqrt()


def _weighted_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """The k-th token counts k times (Muennighoff, 2022, "SGPT")."""
    places = (mask.cumsum(dim=1) * mask).unsqueeze(-1).to(tokens.dtype)
    return (tokens * places).sum(dim=1) / places.sum(dim=1).clamp(min=1.0)


def _at(tokens: Tensor, places: Tensor) -> Tensor:
    index = places.view(-1, 1, 1).expand(-1, 1, tokens.shape[-1])
    return tokens.gather(1, index).squeeze(1)


_POOL = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}


@dataclass(frozen=True)
class SentenceModule:
    """One entry of `modules.json`: the class, by its last name, and its folder."""

    kind: str
    folder: Path

    def settings(self) -> dict[str, Any]:
        """Its `config.json`; empty where there is none."""
        file = self.folder / "config.json"
        return read_json_object(file) if file.is_file() else {}

    def pooling(self) -> tuple[PoolingMode, ...]:
        """How a step Pooling pools; raises ArchitectureUnsupported and FileInvalid."""
        return _pooling(self)


@dataclass(frozen=True)
class SentenceEncoder:
    """All steps in terms of `head.json`; `max_tokens` is None where nothing limits them."""

    pooling: tuple[PoolingMode, ...]
    dense: tuple[DenseLayer, ...]
    normalize: bool
    prefix: str
    max_tokens: int | None


def read_sentence_encoder(folder: Path) -> SentenceEncoder | None:
    """The steps in `modules.json`; None without that file.

    Raises FileInvalid, FileMissing, and ArchitectureUnsupported by the name of a step or setting
    that is none of pooling, dense layers and normalisation.
    """
    if not (folder / MODULES_FILE).is_file():
        return None
    steps = [one for one in sentence_steps(folder) if one.kind != "Dropout"]
    kinds = [one.kind for one in steps]
    _check_order(kinds)
    prefix = _prompt(folder)
    if prefix and not steps[1].settings().get("include_prompt", True):
        raise _unsupported("its pooling leaves the prompt's tokens out (`include_prompt`: false)")
    dense = tuple(_dense(one) for one in steps if one.kind == "Dense")
    limit = _transformer_settings(folder)
    return SentenceEncoder(_pooling(steps[1]), dense, kinds[-1] == "Normalize", prefix, limit)


def dense_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of all dense layers, named `0.weight`, `0.bias`, `1.weight` ..."""
    found: dict[str, Tensor] = {}
    for place, step in enumerate(one for one in sentence_steps(folder) if one.kind == "Dense"):
        file = step.folder / "model.safetensors"
        name = f"{step.folder.name}/{file.name}"
        if not file.is_file():
            advice = "Save the model with `safe_serialization=True`, which is the default today."
            raise FileMissing(name, f"holds the layer Dense of {MODULES_FILE}", advice)
        weights = read_weight_file(file, "holds a dense layer", "Save the model again.")
        found |= {f"{place}.{k.removeprefix('linear.')}": t for k, t in weights.items()}
    return found


def sentence_steps(folder: Path) -> list[SentenceModule]:
    """The entries of `modules.json` in their order; raises FileInvalid."""
    try:
        listed: Any = json.loads((folder / MODULES_FILE).read_text(encoding="utf-8"))
        pairs = [
            (str(one["type"]).rsplit(".", 1)[-1], str(one.get("path") or "")) for one in listed
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FileInvalid(MODULES_FILE, "it is no list of sentence-transformers steps") from None
    if any("/" in path or "\\" in path or path == ".." for _, path in pairs):
        raise FileInvalid(MODULES_FILE, "it names a folder that is not directly beside it")
    return [SentenceModule(kind, folder / path) for kind, path in pairs]


def _check_order(kinds: list[str]) -> None:
    known = {"Transformer", "Pooling", "Dense", "Normalize"}
    for kind in kinds:
        if kind not in known:
            raise _unsupported(f"its step {kind} is none of {', '.join(sorted(known))}")
    if kinds[:1] != ["Transformer"] or kinds.count("Transformer") > 1:
        raise _unsupported("its first and only its first step must be a Transformer")
    if kinds[1:2] != ["Pooling"] or kinds.count("Pooling") > 1:
        raise _unsupported("one step Pooling must follow the Transformer")
    if "Normalize" in kinds[:-1]:
        raise _unsupported("its step Normalize is not the last one")


def _pooling(step: SentenceModule) -> tuple[PoolingMode, ...]:
    settings = step.settings()
    pooling = settings.get("pooling_mode")
    if pooling is None:
        pooling = [mode for flag, mode in POOLING_FLAGS.items() if settings.get(flag)] or ["mean"]
    modes = tuple(pooling) if isinstance(pooling, list) else (pooling,)
    for mode in modes:
        if mode not in get_args(PoolingMode):
            raise _unsupported(f"it pools by {mode!r}, which is none of {get_args(PoolingMode)}")
    if not modes:
        raise FileInvalid(f"{step.folder.name}/config.json", "`pooling_mode` is empty")
    return modes


def _dense(step: SentenceModule) -> DenseLayer:
    settings, name = step.settings(), f"{step.folder.name}/config.json"
    activation = str(settings.get("activation_function", "torch.nn.modules.activation.Tanh"))
    short = activation.rsplit(".", 1)[-1]
    if not activation.startswith("torch.nn.") or short not in get_args(Activation):
        raise _unsupported(f"the activation {activation} of its step Dense is not known")
    if settings.get("use_residual"):
        raise _unsupported("its step Dense has a residual connection")
    reads = {settings.get("module_input_name"), settings.get("module_output_name")}
    if not reads <= {None, "sentence_embedding"}:
        raise _unsupported("its step Dense reads or writes something else than sentence vectors")
    try:
        return DenseLayer(
            in_features=settings["in_features"],
            out_features=settings["out_features"],
            bias=settings.get("bias", True),
            activation=short,
        )
    except (KeyError, ValueError):
        raise FileInvalid(name, "it has no `in_features` and `out_features`") from None


def _prompt(folder: Path) -> str:
    """What stands before each text unless a caller says otherwise."""
    file = folder / "config_sentence_transformers.json"
    settings = read_json_object(file) if file.is_file() else {}
    named, prompts = settings.get("default_prompt_name"), settings.get("prompts")
    if named is None:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(named), str):
        raise FileInvalid(file.name, f"`default_prompt_name` is {named!r}, but no prompt is so")
    return str(prompts[named])


def _transformer_settings(folder: Path) -> int | None:
    """How many tokens it reads at most; refuses lower case that the tokenizer does not know of."""
    file = folder / "sentence_bert_config.json"
    settings = read_json_object(file) if file.is_file() else {}
    if settings.get("do_lower_case"):
        raise _unsupported(f"{file.name} asks for lower case beside the tokenizer")
    max_tokens = settings.get("max_seq_length")
    return max_tokens if isinstance(max_tokens, int) and max_tokens > 0 else None


def _unsupported(reason: str) -> ArchitectureUnsupported:
    return ArchitectureUnsupported("SentenceTransformer", reason)
