"""Converts Hugging Face directories whose weights, or whose SetFit heads, are pickled."""

from __future__ import annotations

import json
import pickle  # only for the error that torch.load raises
import re
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from app.domain.errors.conversion import ConversionFailed, ConversionNeedsTrust, ConversionUnknown
from app.formats.convert.setfit_head import HEAD, convert_setfit_head
from app.formats.convert.wishes import Wishes

_WEIGHTS, _INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
# All else in such a directory is other frameworks' weights, training state, or code.
_KEPT = (".json", ".txt", ".model", ".safetensors")
_SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
_STEP = re.compile(r"\d+_\w+")


def convert_huggingface_folder(source: Path, folder: Path, wishes: Wishes) -> None:
    """Write the directory with safetensors, and SetFit's head as one of safetensors.

    Weights are read without running code; the head is a pickle and needs `wishes.trust`.
    """
    if not _is_file_among(source, _SAFETENSORS):
        _write_weights(_weight_files(source), folder / _SAFETENSORS[0], wishes)
    for path in source.iterdir():
        if path.is_dir() and _STEP.fullmatch(path.name):
            _copy_step(path, folder / path.name, wishes)
        elif path.is_file() and _is_kept(path):
            shutil.copyfile(path, folder / path.name)
    if not (folder / "tokenizer.json").exists():
        _write_fast_tokenizer(folder)
    if (source / HEAD).is_file():
        convert_setfit_head(source, folder, wishes)


def _copy_step(source: Path, folder: Path, wishes: Wishes) -> None:
    """A step of sentence-transformers after the encoder, such as 1_Pooling or 2_Dense."""
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file() and _is_kept(path):
            shutil.copyfile(path, folder / path.name)
    if (source / _WEIGHTS).is_file() and not (source / _SAFETENSORS[0]).is_file():
        _write_weights([source / _WEIGHTS], folder / _SAFETENSORS[0], wishes)


def _is_kept(path: Path) -> bool:
    return path.suffix in _KEPT and path.name != _INDEX


def _is_file_among(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for name in names)


def _write_weights(files: list[Path], target: Path, wishes: Wishes) -> None:
    weights: dict[str, Tensor] = {}
    for file in files:
        weights |= _read(file, wishes.trust)
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


def _read(file: Path, trust: bool) -> dict[str, Tensor]:
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
