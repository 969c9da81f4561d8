"""Adjusts a multilingual network to a language by the mean of its vectors."""

from __future__ import annotations

from typing import Any

from app.learn.bridge import Bridge
from app.learn.bridge_texts import BridgeTexts
from app.learn.bridgeable import Bridgeable
from app.learn.language_shift import LanguageShift
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.sentence_vectors import enough_to_centre, sentence_vectors
from app.learn.vector_cache import VectorCache


def centre(
    network: Network, texts: BridgeTexts, vectors: VectorCache | None, monitor: Monitor
) -> dict[str, Any]:
    """Let `network`, which is Bridgeable, shift target texts onto the source language; in place.

    What it is bridged by already stays: its map, and the means of other languages. Gives an
    account of it. Raises TooFewRowsToCentre and HeadNotBridgeable.
    """
    assert isinstance(network, Bridgeable)
    bridge, network.bridge = network.bridge or Bridge(), None
    seen = sentence_vectors(network, texts.source, vectors, Portion(monitor, 0.0, 0.5))
    foreign = sentence_vectors(network, texts.target, vectors, Portion(monitor, 0.5, 1.0))
    target = {texts.target_language: enough_to_centre(texts.target_language, foreign)}
    if bridge.shift is None:
        source = {texts.source_language: enough_to_centre(texts.source_language, seen)}
        bridge.shift = LanguageShift.of(source | target)
    else:
        bridge.shift = bridge.shift.added(texts.target_language, foreign)
    network.bridge = bridge.eval()
    return {
        "source_texts": len(seen),
        "target_texts": len(foreign),
        "centred": list(bridge.languages),
        "map": None,
    }
