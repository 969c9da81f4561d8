"""What can be had without any transfer: the bar that a transferred model has to clear."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from app.learn.majority import majority


def tfidf(texts: list[str], targets: np.ndarray, test_texts: list[str], classes: int) -> np.ndarray:
    """Character n-grams, TF-IDF and logistic regression: float32 (len(test_texts), classes).

    N-grams of one to five characters within words need no knowledge of the language. Falls back
    to `majority` where there is nothing to tell apart: a single label, or texts without a letter.
    """
    seen = np.unique(targets)
    if len(seen) < 2:
        return majority(targets, len(test_texts), classes)
    model = make_pipeline(_ngrams(), LogisticRegression(C=10.0, max_iter=2000))
    try:
        model.fit(texts, targets)
    except ValueError:  # "empty vocabulary": every text is white space alone
        return majority(targets, len(test_texts), classes)
    answers = np.zeros((len(test_texts), classes), dtype=np.float32)
    answers[:, seen] = model.predict_proba(test_texts)
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
    known, asked = ngrams.transform(texts), ngrams.transform(test_texts)
    for label, column in enumerate(targets.T):
        if column.any() and not column.all():
            model = LogisticRegression(C=10.0, max_iter=2000).fit(known, column)
            answers[:, label] = model.predict_proba(asked)[:, 1]
    return answers


def _ngrams() -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, max_features=200_000
    )
