"""Each peer at all settings of the grid, so that it can be compared at its best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.serving.alternation import alternate
from benchmarks.serving.line_up import Stage, running
from benchmarks.serving.peers.configurations import GRID, Peer

Tried = list[tuple[Peer, dict[int, float]]]  # settings, and requests per second by connections


def try_grid(stage: Stage, kinds: Sequence[str], levels: Sequence[int], seconds: float) -> Tried:
    """Measure every setting of the peers `kinds` at every number of connections, once."""
    tried = []
    for peer in GRID:
        if peer.kind in kinds:
            rates = _rates(stage, peer, levels, seconds)
            print(f"  {peer.kind} {peer.about}: {rates}", flush=True)
            tried.append((peer, rates))
    return tried


def best_of(tried: Tried, level: int) -> dict[str, Peer]:
    """The settings of each peer with the most requests per second at so many connections."""
    ordered = sorted(tried, key=lambda one: one[1][level])
    return {peer.kind: peer for peer, _ in ordered}


def told(tried: Tried) -> list[dict[str, Any]]:
    """The grid for the record."""
    return [
        {"peer": peer.kind, "settings": peer.about, "requests_per_second": rates}
        for peer, rates in tried
    ]


def _rates(stage: Stage, peer: Peer, levels: Sequence[int], seconds: float) -> dict[int, float]:
    start = stage.start(peer.kind, {peer.kind: peer})
    bodies = {peer.kind: stage.bodies(peer.kind, start.dialect)}
    with running([start]) as servers:
        return {
            level: round(alternate(servers, bodies, level, seconds, 1)[0].load.rate, 2)
            for level in levels
        }
