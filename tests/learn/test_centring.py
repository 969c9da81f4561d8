"""Languages aligned by their means, whatever their texts are about."""

from __future__ import annotations

import numpy as np
import torch

from app.learn.bridge import LanguageShift
from app.learn.bridge_fit import target_label_shift_offset
from app.learn.data.examples import Examples, bilingual_texts

CORNERS = 3.0 * np.eye(6)[:3]
DISPLACED = np.array([1.0, -0.5, 0.3, 2.0, -2.0, 0.0])


def _language(draw: np.random.Generator, shares: list[float], count: int) -> tuple:
    targets = draw.choice(3, size=count, p=shares)
    return torch.from_numpy(CORNERS[targets] + draw.normal(size=(count, 6))), targets


def test_other_label_shares_are_not_taken_for_another_place() -> None:
    draw = np.random.default_rng(0)
    source_vectors, targets = _language(draw, [1 / 3, 1 / 3, 1 / 3], 300)
    target_vectors, _ = _language(draw, [0.06, 0.47, 0.47], 300)
    target_vectors = target_vectors + torch.from_numpy(DISPLACED)
    names = [f"text {i}" for i in range(300)]
    texts = bilingual_texts(("en", "sw"), names, [f"maandishi {i}" for i in range(300)], None)
    labelled = Examples(names, targets, np.arange(1, 301))
    label_offset = target_label_shift_offset(texts, labelled, source_vectors, target_vectors)
    assert label_offset is not None
    start = LanguageShift.of({"en": source_vectors})

    def wrong(shift: LanguageShift) -> float:
        return float(np.abs((shift.means[1] - shift.means[0]).numpy() - DISPLACED).max())

    assert wrong(start.with_language("sw", target_vectors)) > 0.6
    assert wrong(start.with_language("sw", target_vectors, label_offset)) < 0.4


def test_without_labels_nothing_is_taken_out() -> None:
    draw = np.random.default_rng(0)
    source_vectors, targets = _language(draw, [1 / 3, 1 / 3, 1 / 3], 40)
    names = [f"text {i}" for i in range(40)]
    texts = bilingual_texts(("en", "sw"), names, ["maandishi"], None)
    assert target_label_shift_offset(texts, None, source_vectors, source_vectors) is None
    few = Examples(names[:9], targets[:9], np.arange(1, 10))
    assert target_label_shift_offset(texts, few, source_vectors, source_vectors) is None
