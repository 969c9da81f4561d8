"""Nearest neighbours in blocks of rows, by cosine or by CSLS; no n x n matrix is ever held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from app.learn.alignment.largest import largest

NEIGHBOURS = 10
# So many scores are computed at a time: few enough to stay in a processor's cache.
_CELLS = 16_000_000
Beat = Callable[[], None]


def silent() -> None:
    """The Beat of a computation that nobody waits for."""


def nearest(
    queries: Tensor, targets: Tensor, k: int, offsets: Tensor | None = None, beat: Beat = silent
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query: scores float32 and positions int64, both (queries, k).

    `queries` (n, width) and `targets` (m, width) have rows of length 1, so that scores are
    cosines; `offsets` (m,) are taken off each target's scores. `beat` is called once per block.
    """
    values, found = [], []
    for _, scores in blocks(queries, targets, offsets, beat):
        best, places = largest(scores, k)
        values.append(best)
        found.append(places)
    return torch.cat(values), torch.cat(found)


def hubness(queries: Tensor, targets: Tensor, k: int = NEIGHBOURS, beat: Beat = silent) -> Tensor:
    """Mean cosine of each query with its k nearest targets, float32 (queries,): r of CSLS."""
    return nearest(queries, targets, k, beat=beat)[0].mean(dim=1)


def csls(
    queries: Tensor,
    targets: Tensor,
    target_hubness: Tensor,
    k: int,
    beat: Beat = silent,
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query by cross-domain similarity local scaling.

    CSLS(x, z) = 2 cos(x, z) - r(x) - r(z) (Conneau et al., 2018), where r(z), `target_hubness`,
    is the mean cosine of z with its nearest sources: targets that are near to everything, hubs,
    are near to nothing in particular. r(x) is left out of the scores, being the same for all
    targets of a query. Shapes as in `nearest`.
    """
    return nearest(2 * queries, targets, k, target_hubness, beat)


def blocks(
    queries: Tensor, targets: Tensor, offsets: Tensor | None = None, beat: Beat = silent
) -> Iterator[tuple[slice, Tensor]]:
    """Rows of `queries @ targets.T - offsets` with their place; a block is overwritten next."""
    size = max(1, min(len(queries), _CELLS // max(1, len(targets))))
    buffer = queries.new_empty(size, len(targets))
    turned = targets.T
    for start in range(0, len(queries), size):
        place = slice(start, min(start + size, len(queries)))
        scores = buffer[: place.stop - start]
        if offsets is None:
            torch.mm(queries[place], turned, out=scores)
        else:
            torch.addmm(-offsets, queries[place], turned, out=scores)
        beat()
        yield place, scores
