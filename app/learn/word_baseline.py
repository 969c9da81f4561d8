"""A tagger without any network: what a word, its characters and its neighbours give away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from app.learn.examples import NO_WORD, Examples, Inputs

_EDGE = "<edge>"


def tag_by_word_features(train: Examples, inputs: Inputs, classes: int) -> np.ndarray:
    """Logistic regression on features of each word: float32 (n, words, classes).

    The features are those of the classical taggers (Ratnaparkhi, 1996; Zhang and Johnson, 2003):
    the word, its beginning and end, its shape, and the words beside it. Each word is tagged by
    itself. A tag that no training word has gets the probability 0.
    """
    words = [[str(word) for word in sentence] for sentence in inputs]
    answers = np.zeros((len(words), max(map(len, words)), classes), dtype=np.float32)
    targets = train.targets[train.targets != NO_WORD]
    there = np.zeros(answers.shape[:2], dtype=bool)
    for row, sentence in enumerate(words):
        there[row, : len(sentence)] = True
    seen = np.unique(targets)
    if len(seen) == 1:
        answers[there, seen[0]] = 1.0
        return answers
    vectoriser = DictVectorizer(dtype=np.float32)
    model = LogisticRegression(C=10.0, max_iter=300)
    learnt = [[str(word) for word in sentence] for sentence in train.inputs]
    model.fit(vectoriser.fit_transform(_features(learnt)), targets)
    found = np.zeros((there.sum(), classes), dtype=np.float32)
    found[:, seen] = model.predict_proba(vectoriser.transform(_features(words)))
    answers[there] = found
    return answers


def _features(sentences: Sequence[Sequence[str]]) -> Iterator[dict[str, float]]:
    for sentence in sentences:
        low = [_EDGE, _EDGE, *(word.casefold() for word in sentence), _EDGE, _EDGE]
        for i, word in enumerate(sentence):
            around = low[i : i + 5]
            yield {
                **{f"word{k - 2}={near}": 1.0 for k, near in enumerate(around)},
                **{f"start={around[2][:k]}": 1.0 for k in (1, 2, 3)},
                **{f"end={around[2][-k:]}": 1.0 for k in (1, 2, 3)},
                f"pair={around[1]} {around[2]}": 1.0,
                f"shape={_shape(word)}": 1.0,
                "first": float(i == 0),
            }


def _shape(word: str) -> str:
    """Runs of capitals, small letters, digits and the rest as A, a, 0 and their own character."""
    kinds = [
        "0" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in word
    ]
    return "".join(kind for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1])
