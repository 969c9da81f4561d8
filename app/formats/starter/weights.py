"""Turns the packed file's tensors into the names and shapes of `transformers.BertModel`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.formats.starter.packed_file import PackedEncoder, PackedTensor
from app.formats.starter.quantised import BLOCK, BLOCK_BYTES, dequantise

# Blocks dequantised at a time: the word embedding in float32 would take 400 MB at once.
_BLOCKS_AT_ONCE = 200_000

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def read_weights(packed: PackedEncoder, progress: Callable[[float], None]) -> dict[str, np.ndarray]:
    """Every tensor by its name in `BertModel`, float16; `progress` hears fractions."""
    names = _names(packed.layers)
    weights: dict[str, np.ndarray] = {}
    for done, (packed_name, name) in enumerate(names.items()):
        flat = _read(packed.data, packed.tensors[packed_name])
        weights[name] = flat.reshape(_shape(packed, packed_name, flat.size))
        progress((done + 1) / len(names))
    return weights


def _names(layers: int) -> dict[str, str]:
    names = dict(_EMBEDDINGS)
    for layer in range(layers):
        for short, long in _LAYER.items():
            for end, kind in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{end}"] = f"encoder.layer.{layer}.{long}.{kind}"
    return names


def _read(data: np.ndarray, tensor: PackedTensor) -> np.ndarray:
    raw = data[tensor.offset : tensor.offset + tensor.size_bytes]
    if not tensor.quantised:
        return np.frombuffer(raw.tobytes(), "<f4").astype(np.float16)
    values = np.empty(tensor.elements, np.float16)
    step = _BLOCKS_AT_ONCE * BLOCK_BYTES
    for start in range(0, tensor.size_bytes, step):
        some = dequantise(raw[start : start + step])
        at = start // BLOCK_BYTES * BLOCK
        values[at : at + some.size] = some
    return values


def _shape(packed: PackedEncoder, name: str, size: int) -> tuple[int, ...]:
    """Matrices are stored row by row, one row per output; the rest are vectors."""
    if name.endswith(".b") or "ln." in name:
        return (size,)
    width = packed.feed_forward if name.endswith(".fo.w") else packed.hidden
    return (size // width, width)
