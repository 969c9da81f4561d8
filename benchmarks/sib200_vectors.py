"""Sentence vectors of SIB-200, each text encoded once: from a file, or by the encoder itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from app.learn.network import Network
from benchmarks.memoised import Memoised
from benchmarks.sib200_data import Language

Part = tuple[str, list[str]]  # a name, such as <language>/<split>, and its texts


def part(language: Language, split: str) -> Part:
    """The texts of one split: train, dev or test."""
    return f"{language.name}/{split}", [str(text) for text in getattr(language, split).inputs]


def memoised(
    network: Callable[[], Network],
    labels: tuple[str, ...],
    given: Iterable[Part],
    file: Path | None,
) -> Memoised:
    """A network's vectors of every text `given`, with a head for `labels`.

    `file` is an NPZ of float32 (rows, width) by name; what it lacks is encoded by what `network`
    loads, and the file is written anew.
    """
    parts = dict(given)
    kept = dict(np.load(file)) if file is not None and file.exists() else {}
    missing = [name for name in parts if name not in kept]
    encoder = network().eval() if missing else None
    for name in track(missing, "encoding", disable=not missing):
        assert encoder is not None
        kept[name] = _encode(encoder, parts[name])
    if missing and file is not None:
        np.savez(file, **kept)
    texts = [text for some in parts.values() for text in some]
    vectors = torch.from_numpy(np.concatenate([kept[name] for name in parts]))
    return Memoised(labels, vectors, {text: i for i, text in enumerate(texts)})


@torch.inference_mode()
def _encode(network: Network, texts: list[str]) -> np.ndarray:
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors: dict[int, np.ndarray] = {}
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        found = network.features(network.collate([texts[i] for i in chosen])).float().numpy()
        vectors.update(zip(chosen, found, strict=True))
    return np.stack([vectors[i] for i in range(len(texts))])
