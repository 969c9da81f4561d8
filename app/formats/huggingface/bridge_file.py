"""The bridge between an encoder and the head of another one: `bridge.json` and its tensors."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor, nn

from app.domain.errors.model_files import WeightsDoNotFit
from app.formats.json_file import read_json_model
from app.formats.weight_file import read_weight_file
from app.learn.bridge import Bridge
from app.learn.language_shift import LanguageShift

BRIDGE_FILE = "bridge.json"
BRIDGE_WEIGHTS_FILE = "bridge.safetensors"


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
    told = read_json_model(folder / BRIDGE_FILE, BridgeFile)
    weights = read_weight_file(
        folder / BRIDGE_WEIGHTS_FILE,
        f"holds the tensors of {BRIDGE_FILE}",
        f"Add it, or leave {BRIDGE_FILE} out.",
    )
    out = (len(weights["weight"]) if told.map and "weight" in weights else width) or width
    _check_shapes(told, weights, width, out)
    linear = None
    if told.map:
        linear = nn.Linear(width, out)
        linear.load_state_dict({name: weights[name].float() for name in ("weight", "bias")})
    shift = None
    if told.languages:
        means, covariance = weights["means"].float(), weights["covariance"].float()
        shift = LanguageShift(told.languages, means, covariance, told.rows)
    return Bridge(linear, shift, told.normalize)


def write_bridge(bridge: Bridge, folder: Path) -> None:
    """Write both files."""
    told = BridgeFile(
        languages=bridge.languages,
        rows=bridge.shift.rows if bridge.shift else 0,
        map=bridge.linear is not None,
        normalize=bridge.normalize,
    )
    text = json.dumps(told.model_dump(), ensure_ascii=False, indent=2)
    (folder / BRIDGE_FILE).write_text(text, encoding="utf-8")
    tensors: dict[str, Tensor] = dict(bridge.linear.state_dict()) if bridge.linear else {}
    if bridge.shift is not None:
        tensors |= bridge.shift.state_dict()
    kept = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(kept, folder / BRIDGE_WEIGHTS_FILE)


def _check_shapes(told: BridgeFile, weights: dict[str, Tensor], width: int, out: int) -> None:
    wanted: dict[str, tuple[int, ...]] = {}
    if told.languages:
        wanted |= {"means": (len(told.languages), width), "covariance": (width, width)}
    if told.map:
        wanted |= {"weight": (out, width), "bias": (out,)}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if found != wanted:
        raise WeightsDoNotFit(BRIDGE_WEIGHTS_FILE, f"it holds {found}, but {wanted} is needed")
    if len(set(told.languages)) != len(told.languages):
        raise WeightsDoNotFit(BRIDGE_WEIGHTS_FILE, f"{BRIDGE_FILE} names a language twice")
