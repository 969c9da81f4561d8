"""The tokenizer that a network is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.vocabulary import Vocabulary
from app.methods.vocabulary.counterparts import counterparts
from app.methods.vocabulary.reading import reader
from app.methods.vocabulary.train_tokenizer import special_tokens, train_tokenizer


@dataclass(frozen=True)
class Target:
    """A tokenizer, the names that the source's special tokens have in it, and its own vectors.

    `vectors`: float32 (tokens, k) of length 1, where a companion brings some.
    """

    tokenizer: Tokenizer
    special: dict[str, str]
    vectors: np.ndarray | None = None


def find_target(
    source: Vocabulary,
    companion: Network | None,
    texts: list[str],
    pieces: int | None,
    monitor: Monitor,
) -> Target:
    """The companion's tokenizer with its embedding, or one trained on the texts."""
    if companion is None:
        names = special_tokens(source)
        tokenizer = train_tokenizer(source, texts, pieces, monitor)
        return Target(tokenizer, {name: name for name in names})
    monitor.progress("reading the companion", 1.0)
    found = reader(companion).vocabulary()
    size = found.tokenizer.get_vocab_size(with_added_tokens=True)
    rows = found.rows.detach().numpy()[:size]
    rows = rows - rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-9)
    return Target(found.tokenizer, counterparts(source, found), rows / lengths)
