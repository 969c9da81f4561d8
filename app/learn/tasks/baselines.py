"""Baselines without any network, which a transferred model has to beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from app.learn.data.examples import NO_WORD, Examples, Inputs
from app.learn.tasks.single_label import majority_baseline

_EDGE = "<edge>"


def tfidf(texts: list[str], targets: np.ndarray, test_texts: list[str], classes: int) -> np.ndarray:
    """Character n-grams, TF-IDF and logistic regression: float32 (len(test_texts), classes).

    N-grams of one to five characters within words need no knowledge of the language. Falls back
    to `majority` where there is nothing to tell apart: a single label, or texts without a letter.
    """
    present = np.unique(targets)
    if len(present) < 2:
        return majority_baseline(targets, len(test_texts), classes)
    model = make_pipeline(_ngrams(), LogisticRegression(C=10.0, max_iter=2000))
    try:
        model.fit(texts, targets)
    except ValueError:  # "empty vocabulary": every text is white space alone
        return majority_baseline(targets, len(test_texts), classes)
    answers = np.zeros((len(test_texts), classes), dtype=np.float32)
    answers[:, present] = model.predict_proba(test_texts)
    return answers


def tfidf_label_sets(texts: list[str], targets: np.ndarray, test_texts: list[str]) -> np.ndarray:
    """The same with a logistic regression for each label: float32 (len(test_texts), classes).

    `targets`: bool (n, classes). A label that all rows have, or none, is answered by its share.
    """
    answers = np.tile(targets.mean(axis=0).astype(np.float32), (len(test_texts), 1))
    try:
        ngrams = _ngrams().fit(texts)
    except ValueError:  # "empty vocabulary", as above
        return answers
    known, test_ngrams = ngrams.transform(texts), ngrams.transform(test_texts)
    for label, column in enumerate(targets.T):
        if column.any() and not column.all():
            model = LogisticRegression(C=10.0, max_iter=2000).fit(known, column)
            answers[:, label] = model.predict_proba(test_ngrams)[:, 1]
    return answers


def _ngrams() -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, max_features=200_000
    )


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
    present = np.unique(targets)
    if len(present) == 1:
        answers[there, present[0]] = 1.0
        return answers
    vectoriser = DictVectorizer(dtype=np.float32)
    model = LogisticRegression(C=10.0, max_iter=300)
    learnt = [[str(word) for word in sentence] for sentence in train.inputs]
    model.fit(vectoriser.fit_transform(_word_features(learnt)), targets)
    found = np.zeros((there.sum(), classes), dtype=np.float32)
    found[:, present] = model.predict_proba(vectoriser.transform(_word_features(words)))
    answers[there] = found
    return answers


def _word_features(sentences: Sequence[Sequence[str]]) -> Iterator[dict[str, float]]:
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
