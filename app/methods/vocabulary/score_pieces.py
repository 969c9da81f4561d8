"""Scores the pieces of a Unigram tokenizer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from tokenizers import Tokenizer

from app.learn.monitor import Monitor

_ROUNDS = 4
_CHUNK = 1000
_PHASE = "scoring the pieces"


def score_pieces(
    names: list[str],
    special: int,
    with_scores: Callable[[list[float]], Tokenizer],
    texts: list[str],
    monitor: Monitor,
) -> Tokenizer:
    """The tokenizer whose scores are the log shares of its own segmentation of the texts.

    Kudo 2018, "Subword Regularization", with the likeliest segmentation in the place of all of
    them (hard EM). The first `special` names score 0, as SentencePiece has it; it begins with
    long pieces preferred.
    """
    scores = [0.0 if place < special else -10.0 for place in range(len(names))]
    tokenizer = with_scores(scores)
    for turn in range(_ROUNDS):
        counts: Counter[int] = Counter()
        for start in range(0, len(texts), _CHUNK):
            done = (turn + start / len(texts)) / _ROUNDS
            monitor.progress(_PHASE, done)
            chunk = tokenizer.encode_batch(texts[start : start + _CHUNK], add_special_tokens=False)
            for one in chunk:
                counts.update(one.ids)
        # A piece that no segmentation uses counts half, so that unseen words can be made of it.
        total = math.log(sum(counts.values()) + 0.5 * len(names))
        scores = [
            0.0 if place < special else math.log(max(counts[place], 0.5)) - total
            for place in range(len(names))
        ]
        tokenizer = with_scores(scores)
    monitor.progress(_PHASE, 1.0)
    return tokenizer
