"""Nearest neighbours by cosine or by CSLS, in blocks of rows; no n x n matrix is ever held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from app.learn.alignment.coarse import MARGIN, coarse_copy, coarsely, exactly
from app.learn.alignment.largest import largest

NEIGHBOURS = 10
# So many scores are computed at a time.
_CELLS = 25_000_000
Beat = Callable[[], None]


def silent() -> None:
    """The Beat of a computation that nobody waits for."""


def nearest(
    queries: Tensor, targets: Tensor, k: int, offsets: Tensor | None = None, beat: Beat = silent
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query: scores float32 and positions int64, both (queries, k).

    `queries` (n, width) and `targets` (m, width) have rows of length 1, so that scores are
    cosines; `offsets` (m,) are taken off each target's scores. `beat` is called now and then.
    """
    values, places = [], []
    for rows, scores in score_blocks(queries, targets, beat):
        found = rows.best(scores, k, offsets)
        values.append(found[0])
        places.append(found[1])
    return torch.cat(values), torch.cat(places)


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


def score_blocks(
    queries: Tensor, targets: Tensor, beat: Beat = silent
) -> Iterator[tuple[Rows, Tensor]]:
    """Some rows of `queries @ targets.T` at a time; a block is overwritten by the next."""
    size = max(1, min(len(queries), _CELLS // max(1, len(targets))))
    buffer = queries.new_empty(size, len(targets))
    coarse = coarse_copy(queries, targets)
    for some in queries.split(size):
        scores = buffer[: len(some)]
        if coarse is None:
            torch.mm(some, targets.T, out=scores)
        else:
            coarsely(some, coarse, scores)
        beat()
        yield Rows(some, targets, coarse is not None), scores


@dataclass(frozen=True)
class Rows:
    """Some of the queries, and whether their scores are only nearly right."""

    queries: Tensor
    targets: Tensor
    coarse: bool

    def best(self, scores: Tensor, k: int, offsets: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Values and columns, (rows, k), of the k largest in each row of `scores`, exact.

        `offsets` (targets,) are taken off here, in place, before anything is chosen.
        """
        if offsets is not None:
            scores.sub_(offsets)
        if not self.coarse:
            return largest(scores, k)
        places = largest(scores, k + MARGIN)[1]
        exact = exactly(self.queries, self.targets, places)
        if offsets is not None:
            exact -= offsets[places]
        best, chosen = exact.topk(min(k, exact.shape[1]), dim=1)
        return best, places.gather(1, chosen)
