"""Adjusts a multilingual network to a language by the mean of its vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.learn.bridge import Bridge
from app.learn.bridge_texts import BridgeTexts
from app.learn.bridgeable import Bridgeable
from app.learn.examples import Examples, texts_of
from app.learn.language_shift import LanguageShift
from app.learn.logistic.points import points
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.sentence_vectors import enough_to_centre, sentence_vectors
from app.learn.splits import fold_numbers
from app.learn.vector_cache import VectorCache

_FEWEST_OF_EACH = 10


def centre(
    network: Network,
    texts: BridgeTexts,
    vectors: VectorCache | None,
    monitor: Monitor,
    labelled: Examples | None = None,
) -> dict[str, Any]:
    """Let `network`, which is Bridgeable, shift target texts onto the source language; in place.

    What it is bridged by already stays: its map, and the means of other languages. `labelled` are
    source rows, by which the target's own label shares are taken out of its mean. Gives an
    account of it. Raises TooFewRowsToCentre and HeadNotBridgeable.
    """
    assert isinstance(network, Bridgeable)
    bridge, network.bridge = network.bridge or Bridge(), None
    seen = sentence_vectors(network, texts.source, vectors, Portion(monitor, 0.0, 0.5))
    foreign = sentence_vectors(network, texts.target, vectors, Portion(monitor, 0.5, 1.0))
    enough_to_centre(texts.target_language, foreign)
    if bridge.shift is None:
        source = {texts.source_language: enough_to_centre(texts.source_language, seen)}
        bridge.shift = LanguageShift.of(source)
    mix = mix_of(texts, labelled, seen, foreign)
    bridge.shift = bridge.shift.added(texts.target_language, foreign, mix)
    network.bridge = bridge.eval()
    return {
        "source_texts": len(seen),
        "target_texts": len(foreign),
        "centred": list(bridge.languages),
        "map": None,
    }


def mix_of(
    texts: BridgeTexts, labelled: Examples | None, seen: Tensor, foreign: Tensor
) -> Tensor | None:
    """What label shares unlike the source's add to the mean of `foreign`, float64 (width,).

    `labelled` are source rows, of which `seen` has the vectors among those of `texts.source`. None
    where rows do not have one label each of several, or fewer than ten of each on average.
    """
    if labelled is None or labelled.targets.ndim != 1:
        return None
    classes = int(labelled.targets.max()) + 1
    if len(np.unique(labelled.targets)) < 2 or len(labelled) < _FEWEST_OF_EACH * classes:
        return None
    # With what it needs of scipy and scikit-learn, this takes a second to import.
    from app.learn.logistic.source_head import fit_source, label_mix

    place = {text: i for i, text in enumerate(texts.source)}
    rows = seen[[place[text] for text in texts_of(labelled.inputs)]].double().numpy()
    centre = rows.mean(axis=0)
    scale = max(float(np.sqrt(((rows - centre) ** 2).mean())), 1e-8)
    source = points(rows, labelled).moved(centre, scale)
    folds = fold_numbers(labelled, 0)
    fitted = fit_source(source, classes, folds, lambda _: None, least_loss=True)
    mix = label_mix(source, fitted, (foreign.double().numpy() - centre) / scale)
    return torch.from_numpy(scale * mix)
