"""Languages aligned by their means, whatever their texts are about."""

from __future__ import annotations

import numpy as np
import torch

from app.learn.bridge_texts import bridge_texts
from app.learn.centring import mix_of
from app.learn.examples import Examples
from app.learn.language_shift import LanguageShift

CORNERS = 3.0 * np.eye(6)[:3]
DISPLACED = np.array([1.0, -0.5, 0.3, 2.0, -2.0, 0.0])


def _language(draw: np.random.Generator, shares: list[float], count: int) -> tuple:
    targets = draw.choice(3, size=count, p=shares)
    return torch.from_numpy(CORNERS[targets] + draw.normal(size=(count, 6))), targets


def test_other_label_shares_are_not_taken_for_another_place() -> None:
    draw = np.random.default_rng(0)
    seen, targets = _language(draw, [1 / 3, 1 / 3, 1 / 3], 300)
    foreign, _ = _language(draw, [0.06, 0.47, 0.47], 300)
    foreign = foreign + torch.from_numpy(DISPLACED)
    names = [f"text {i}" for i in range(300)]
    texts = bridge_texts(("en", "sw"), names, [f"maandishi {i}" for i in range(300)], None)
    labelled = Examples(names, targets, np.arange(1, 301))
    mix = mix_of(texts, labelled, seen, foreign)
    assert mix is not None
    start = LanguageShift.of({"en": seen})

    def wrong(shift: LanguageShift) -> float:
        return float(np.abs((shift.means[1] - shift.means[0]).numpy() - DISPLACED).max())

    assert wrong(start.added("sw", foreign)) > 0.6
    assert wrong(start.added("sw", foreign, mix)) < 0.4


def test_without_labels_nothing_is_taken_out() -> None:
    draw = np.random.default_rng(0)
    seen, targets = _language(draw, [1 / 3, 1 / 3, 1 / 3], 40)
    names = [f"text {i}" for i in range(40)]
    texts = bridge_texts(("en", "sw"), names, ["maandishi"], None)
    assert mix_of(texts, None, seen, seen) is None
    few = Examples(names[:9], targets[:9], np.arange(1, 10))
    assert mix_of(texts, few, seen, seen) is None
