"""The embedding rows of a new tokenizer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from app.learn.monitor import Monitor
from app.learn.pairs import Pairs
from app.learn.vocabulary import Vocabulary
from app.methods.vocabulary.anchors import Translations, find_anchors, spell_rest
from app.methods.vocabulary.new_rows import Anchors, draw_rows, fill_by_neighbours
from app.methods.vocabulary.spec import Initialisation, VocabularyParameters
from app.methods.vocabulary.target import Target
from app.methods.vocabulary.token_vectors import token_vectors
from app.methods.vocabulary.waiting import wait_for

_WIDTH = 100
_MIN_COUNT = 3
_CHUNK = 512
_PHASE = "making the rows"


@dataclass(frozen=True)
class NewRows:
    """Rows float32 (tokens, width), how many of each origin, and what the dictionary did."""

    rows: Tensor
    origins: dict[str, int]
    translations: Translations


def initialise(
    source: Vocabulary,
    target: Target,
    texts: list[str],
    dictionary: Pairs | None,
    parameters: VocabularyParameters,
    generator: torch.Generator,
    monitor: Monitor,
) -> NewRows:
    """A row for each token of the target's tokenizer.

    Special tokens, the dictionary and shared spellings come first; tokens like those by the
    company they keep in `texts` (or by the companion's vectors) come next; the rest is spelled
    with the source's pieces, and what cannot be is drawn.
    """
    rows = source.rows.detach()
    monitor.progress(_PHASE, 0.0)
    anchors, translations = find_anchors(source, target.tokenizer, dictionary, target.special)
    drawn = draw_rows(rows, len(anchors.rows), generator)
    if parameters.initialisation is Initialisation.RANDOM:
        special = [target.tokenizer.token_to_id(name) for name in target.special.values()]
        drawn[special] = anchors.rows[special]
        monitor.progress(_PHASE, 1.0)
        origins = {"special": len(special), "random": len(drawn) - len(special)}
        return NewRows(drawn, origins, translations)
    monitor.progress(_PHASE, 0.2)
    vectors = target.vectors
    if vectors is None:
        seed = int(torch.randint(2**31, (1,), generator=generator))
        vectors = _vectors(target.tokenizer, texts, len(drawn), seed, monitor)
    monitor.progress(_PHASE, 0.8)
    near = fill_by_neighbours(anchors, vectors, parameters.neighbours, parameters.temperature)
    whole = _complete(spell_rest(near, source, target.tokenizer), drawn)
    monitor.progress(_PHASE, 1.0)
    return NewRows(whole.rows, whole.origins, translations)


def _vectors(
    tokenizer: Tokenizer, texts: list[str], size: int, seed: int, monitor: Monitor
) -> np.ndarray:
    parts: list[list[int]] = []
    for start in range(0, len(texts), _CHUNK):
        monitor.progress(_PHASE, 0.2 + 0.3 * start / len(texts))
        chunk = tokenizer.encode_batch(texts[start : start + _CHUNK], add_special_tokens=False)
        parts += [one.ids for one in chunk]
    ids = np.array([id for part in parts for id in part], dtype=np.int64)
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return wait_for(
        lambda: token_vectors(ids, places, size, _WIDTH, _MIN_COUNT, seed),
        lambda: monitor.progress(_PHASE, 0.5),
    )


def _complete(anchors: Anchors, drawn: Tensor) -> Anchors:
    """Rows that are still missing, as drawn."""
    missing = ~anchors.known
    rows = anchors.rows.clone()
    rows[torch.from_numpy(missing)] = drawn[torch.from_numpy(missing)]
    return Anchors(rows, ~missing | missing, anchors.origins | {"random": int(missing.sum())})
