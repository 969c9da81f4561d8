"""Rows that give away held-out rows: the same input or group, near duplicates, translations."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from app.learn.data.examples import Examples, Inputs, texts_of

# Chosen on SIB-200: unlike sentences of one article reach 0.69, edited copies fall to 0.80.
MIN_SIMILARITY = 0.8
_TEXTS_AT_ONCE = 500
# Chosen on the dev rows of SIB-200: benchmarks/leakage.py, docs/advice.md.
MIN_MARGIN = 0.2
_NEIGHBOURS = 4
_VECTORS_AT_ONCE = 1024


def drop_leaks(train: Examples, *held_out: Examples) -> tuple[Examples, dict[str, Any]]:
    """The rows of `train` that share neither a group nor an input with a held-out row.

    Texts are compared after NFKC, case folding and collapsing of spaces, sentences of words as
    texts with spaces between; images byte by byte.
    The empty group "" is shared with nobody. The report counts dropped rows by reason
    (`same_group` goes first) and lists their numbers: `{"dropped", "same_group", "same_input",
    "rows"}`.
    """
    groups = {group for part in held_out for group in part.groups or () if group}
    keys = {key for part in held_out for key in _keys(part.inputs)}
    in_group = np.array([group in groups for group in _groups(train)], dtype=bool)
    same_input = np.array([key in keys for key in _keys(train.inputs)], dtype=bool) & ~in_group
    leaks = in_group | same_input
    report = {
        "dropped": int(leaks.sum()),
        "same_group": int(in_group.sum()),
        "same_input": int(same_input.sum()),
        "rows": [int(row) for row in train.rows[leaks]],
    }
    return train.take(np.flatnonzero(~leaks)), report


def unseen_inputs(inputs: Inputs, *held_out: Examples) -> np.ndarray:
    """Positions (int64 (k,)) of the inputs that are no input of a held-out row."""
    keys = {key for part in held_out for key in _keys(part.inputs)}
    return np.array([i for i, key in enumerate(_keys(inputs)) if key not in keys], dtype=np.int64)


def content_numbers(inputs: Inputs) -> np.ndarray:
    """int64 (n,): a number for each distinct input, compared as in `drop_leaks`, counted from 0."""
    numbers: dict[str | bytes, int] = {}
    found = (numbers.setdefault(key, len(numbers)) for key in _keys(inputs))
    return np.fromiter(found, dtype=np.int64, count=len(inputs))


def _groups(examples: Examples) -> tuple[str, ...]:
    return examples.groups or ("",) * len(examples)


def _keys(inputs: Inputs) -> Iterator[str | bytes]:
    """What makes two inputs the same input."""
    if isinstance(inputs, np.ndarray):
        yield from (image.tobytes() for image in inputs)
    else:
        yield from (_plain(text) for text in texts_of(inputs))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def near_duplicates(
    texts: Sequence[str], held_out: Sequence[str], near: float = MIN_SIMILARITY
) -> list[tuple[int, int, float]]:
    """For each held-out text its nearest among `texts`, where their cosine is at least `near`.

    Vectors are TF-IDF of character n-grams (3 to 5, within words), so that it works for any
    language and needs no encoder. Gives (position in `texts`, position in `held_out`, cosine),
    in blocks, the nearest pair first.
    """
    if not texts or not held_out:
        return []
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, preprocessor=_casefolded
    )
    try:
        vectoriser.fit([*texts, *held_out])
    except ValueError:  # every text is white space alone
        return []
    here = vectoriser.transform(texts).T
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(held_out), _TEXTS_AT_ONCE):
        block = vectoriser.transform(held_out[start : start + _TEXTS_AT_ONCE])
        cosines = np.asarray((block @ here).todense())
        nearest = cosines.argmax(axis=1)
        for row, position in enumerate(nearest):
            if (cosine := float(cosines[row, position])) >= near:
                found.append((int(position), start + row, cosine))
    return sorted(found, key=lambda pair: -pair[2])


def _casefolded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def find_translations(
    rows: np.ndarray, held_out: np.ndarray, clear: float = MIN_MARGIN
) -> list[tuple[int, int, float]]:
    """Mutual nearest neighbours that stand out from their surroundings by at least `clear`.

    `rows` (float (n, width)) and `held_out` (float (m, width)) are vectors of one encoder, each
    minus the mean of its language. The score is the cosine minus the mean cosine of both to their
    four nearest neighbours on the other side: the distance margin of Artetxe and Schwenk (2019).
    (Their ratio margin divides by that mean, which comes near zero once means are removed.) Gives
    (position in `rows`, position in `held_out`, score), the clearest pair first.
    """
    if not len(rows) or not len(held_out):
        return []
    here, there = unit_rows(rows), unit_rows(held_out)
    own_means, other_means = _surroundings(here, there), _surroundings(there, here)
    best_there, scores = _best(here, there, own_means, other_means)
    best_here, _ = _best(there, here, other_means, own_means)
    mutual = np.flatnonzero(best_here[best_there] == np.arange(len(here)))
    found = [(int(i), int(best_there[i]), float(scores[i])) for i in mutual if scores[i] >= clear]
    return sorted(found, key=lambda pair: -pair[2])


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Each row at length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    divided: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return divided


def _surroundings(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The mean cosine (n,) of each row to its nearest neighbours on the other side."""
    near = min(_NEIGHBOURS, len(there))
    means = [
        np.partition(here[start : start + _VECTORS_AT_ONCE] @ there.T, -near, axis=1)[
            :, -near:
        ].mean(axis=1)
        for start in range(0, len(here), _VECTORS_AT_ONCE)
    ]
    return np.concatenate(means)


def _best(
    here: np.ndarray, there: np.ndarray, own_means: np.ndarray, other_means: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each row its counterpart of the highest score, and that score: int (n,), float (n,)."""
    positions, scores = [], []
    for start in range(0, len(here), _VECTORS_AT_ONCE):
        margin = here[start : start + _VECTORS_AT_ONCE] @ there.T - other_means[None] / 2
        positions.append(margin.argmax(axis=1))
        scores.append(margin.max(axis=1) - own_means[start : start + _VECTORS_AT_ONCE] / 2)
    return np.concatenate(positions), np.concatenate(scores)
