"""Texts that are longer than a model reads, in overlapping windows, and their answers as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tokenizers import Encoding

from app.domain.predictions import MOST_WINDOWS, WindowPool
from app.runtimes.contract import Prepared, Runtime

EncodeTexts = Callable[[list[str]], list[Encoding]]


def prepare_windows(
    runtime: Runtime, inputs: Sequence[Any], stride: int | None
) -> list[list[Prepared]]:
    """Each input as one row, or with a `stride` a text that would be cut as a row a window.

    Of a text with more windows than `MOST_WINDOWS` the first `MOST_WINDOWS` and one are returned.
    """
    prepared = runtime.prepare(inputs)
    return [
        runtime.prepare(runtime.windows(text, stride)[: MOST_WINDOWS + 1])
        if stride is not None and one.truncated
        else [one]
        for text, one in zip(inputs, prepared, strict=True)
    ]


def split_text(text: str, stride: int, prefix: str, encode: EncodeTexts) -> list[str]:
    """Parts of `text` that cover it in order, each read whole by `encode`, which cuts.

    Neighbours share about `stride` tokens, at most half of a window. Windows begin and end between
    words where there are any. `encode` puts `prefix` before each text; its offsets count from
    there. Parts behind the first `MOST_WINDOWS` and one are not looked at again.
    """
    [whole] = encode([text])
    tokens = _offsets(whole, len(prefix))
    if not tokens:
        return [text]
    size = max(1, sum(end > len(prefix) for _, end in _text_offsets(whole)))
    while True:
        parts = [text[start:end] for start, end in window_spans(text, tokens, size, stride)]
        parts = [part for part in parts if part.strip()] or [text]
        # Tokens at a cut may be others than in the whole text, and a few more.
        lost = max(
            sum(len(_text_offsets(part)) for part in one.overflowing)
            for one in encode(parts[: MOST_WINDOWS + 1])
        )
        if not lost or size == 1:
            return parts
        size = max(1, size - max(lost, size // 16))


def window_spans(
    text: str, tokens: Sequence[tuple[int, int]], size: int, stride: int
) -> list[tuple[int, int]]:
    """Characters of windows of at most `size` tokens, in order, from the first to the last one.

    `tokens` are the characters of each token, in order; each lies in one window or more. The last
    window is about as long as the others and so shares more with its neighbour.
    """
    begins_word = [
        start == 0 or text[start - 1].isspace() or text[start : start + 1].isspace()
        for start, _ in tokens
    ]
    spans: list[tuple[int, int]] = []
    covered = 0
    for first, last in _ranges(begins_word, size, min(stride, size // 2)):
        start = min(tokens[first][0], covered) if spans else 0
        covered = max(end for _, end in tokens[first:last])
        spans.append((start, covered))
    spans[-1] = (spans[-1][0], len(text))
    return spans


def pool_windows(rows: Sequence[np.ndarray], pool: WindowPool, multi_label: bool) -> np.ndarray:
    """One row of probabilities from those of the windows: float32 (classes,) each.

    `multi_label` says that any number of labels may apply, so that they need not sum to 1.
    """
    stacked = np.stack(rows)
    mean: np.ndarray = stacked.mean(axis=0)
    if pool is WindowPool.MEAN:
        return mean
    if pool is WindowPool.MAX:
        greatest: np.ndarray = stacked.max(axis=0)
        return greatest if multi_label else greatest / greatest.sum()
    votes = stacked >= 0.5 if multi_label else np.eye(stacked.shape[1])[stacked.argmax(axis=1)]
    shares: np.ndarray = (votes.sum(axis=0) + mean) / (len(stacked) + 1)
    return shares.astype(np.float32)


def _ranges(begins_word: Sequence[bool], size: int, stride: int) -> list[tuple[int, int]]:
    """First token and the one behind the last, of each window."""
    count, first = len(begins_word), 0
    found: list[tuple[int, int]] = []
    while first + size < count:
        last = first + size
        ends = range(last, last - size // 4, -1)
        last = next((end for end in ends if begins_word[end]), last)
        found.append((first, last))
        starts = range(last - stride, last - stride // 2)
        first = next((start for start in starts if begins_word[start]), last - stride)
    start = max(0, count - size)
    starts = range(start, min(first, start + size // 4))
    found.append((next((at for at in starts if begins_word[at]), start), count))
    return found


def _offsets(encoding: Encoding, behind: int) -> list[tuple[int, int]]:
    """Of all tokens of the text, also of those that were cut off; the prefix counts as nothing."""
    encodings = [encoding, *encoding.overflowing]
    found = sorted(offset for one in encodings for offset in _text_offsets(one))
    return [(max(0, start - behind), end - behind) for start, end in found if end > behind]


def _text_offsets(encoding: Encoding) -> list[tuple[int, int]]:
    """Offsets of the tokens that are neither special nor padding."""
    marked = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    return [offset for offset, special in marked if not special]
