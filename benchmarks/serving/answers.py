"""Do all servers say the same? Their answers beside those of the network in float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.serving.dialects import Answer
from benchmarks.serving.peers.topics_network import TopicsNetwork
from benchmarks.serving.server import Server


def reference_answers(model: Path, texts: Sequence[str], threads: int) -> list[Answer]:
    """What torch says in float32, each text by itself, so that nothing is padded."""
    network = TopicsNetwork(str(model), threads)
    rows = [network.probabilities([text])[0] for text in texts]
    return [dict(zip(network.labels, row, strict=True)) for row in rows]


def answers_of(server: Server, texts: Sequence[str]) -> list[Answer]:
    """What a running server says."""
    with httpx2.Client(timeout=60) as client:
        return [
            server.dialect.read(server.ask(client, text).raise_for_status().json())
            for text in texts
        ]


def compared(found: Sequence[Answer], reference: Sequence[Answer]) -> dict[str, Any]:
    """The share of texts with the same likeliest label, and the largest difference of any number.

    ValueError where there are not as many answers.
    """
    pairs = list(zip(found, reference, strict=True))
    equal = sum(
        max(one, key=one.__getitem__) == max(other, key=other.__getitem__) for one, other in pairs
    )
    largest = max(abs(one[label] - other[label]) for one, other in pairs for label in other)
    return {
        "texts": len(pairs),
        "equal_labels": equal / len(pairs),
        "largest_difference": largest,
    }
