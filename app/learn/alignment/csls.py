"""Nearest neighbours by cosine or CSLS, in blocks of rows, and how often they are translations.

No n x n matrix is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.learn.intervals import share_interval

Heartbeat = Callable[[], None]
NEIGHBOURS = 10
RANKS = (1, 5, 10)  # of precision at k
# So many scores are computed at a time.
_CELLS = 25_000_000
# CSLS changes the order among near words; one that is not even among these is no candidate.
_CANDIDATES = 100
_CHUNK = 64
# So many more candidates than wanted are kept for the exact second look. Half precision errs by
# a few thousandths, less than lies between the tenth neighbour and the thirtieth.
MARGIN = 16
_MIN_WORDS_FOR_BFLOAT16 = 30_000
_EXACT_ROWS = 256
_COLUMNS = 8192


def no_heartbeat() -> None:
    """The heartbeat of a computation that nobody waits for."""


def nearest(
    queries: Tensor,
    targets: Tensor,
    k: int,
    offsets: Tensor | None = None,
    heartbeat: Heartbeat = no_heartbeat,
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query: scores float32 and positions int64, both (queries, k).

    `queries` (n, width) and `targets` (m, width) have rows of length 1, so that scores are
    cosines; `offsets` (m,) are taken off each target's scores. `heartbeat` is called now and then.
    """
    values, places = [], []
    for rows, scores in score_blocks(queries, targets, heartbeat):
        found = rows.best(scores, k, offsets)
        values.append(found[0])
        places.append(found[1])
    return torch.cat(values), torch.cat(places)


def hubness(
    queries: Tensor, targets: Tensor, k: int = NEIGHBOURS, heartbeat: Heartbeat = no_heartbeat
) -> Tensor:
    """Mean cosine of each query with its k nearest targets, float32 (queries,): r of CSLS."""
    return nearest(queries, targets, k, heartbeat=heartbeat)[0].mean(dim=1)


def csls(
    queries: Tensor,
    targets: Tensor,
    target_hubness: Tensor,
    k: int,
    heartbeat: Heartbeat = no_heartbeat,
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query by cross-domain similarity local scaling.

    CSLS(x, z) = 2 cos(x, z) - r(x) - r(z) (Conneau et al., 2018), where r(z), `target_hubness`,
    is the mean cosine of z with its nearest sources: targets that are near to everything, hubs,
    are near to nothing in particular. r(x) is left out of the scores, being the same for all
    targets of a query. Shapes as in `nearest`.
    """
    return nearest(2 * queries, targets, k, target_hubness, heartbeat)


def score_blocks(
    queries: Tensor, targets: Tensor, heartbeat: Heartbeat = no_heartbeat
) -> Iterator[tuple[QueryBlock, Tensor]]:
    """Some rows of `queries @ targets.T` at a time; a block is overwritten by the next."""
    size = max(1, min(len(queries), _CELLS // max(1, len(targets))))
    buffer = queries.new_empty(size, len(targets))
    coarse = bfloat16_copy(queries, targets)
    for some in queries.split(size):
        scores = buffer[: len(some)]
        if coarse is None:
            torch.mm(some, targets.T, out=scores)
        else:
            approximate_scores(some, coarse, scores)
        heartbeat()
        yield QueryBlock(some, targets, coarse is not None), scores


@dataclass(frozen=True)
class QueryBlock:
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
            return topk(scores, k)
        places = topk(scores, k + MARGIN)[1]
        exact = exact_scores(self.queries, self.targets, places)
        if offsets is not None:
            exact -= offsets[places]
        best, chosen = exact.topk(min(k, exact.shape[1]), dim=1)
        return best, places.gather(1, chosen)


def rank(
    queries: Tensor,
    targets: Tensor,
    others: Tensor,
    k: int,
    csls: bool,
    own_positions: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query: scores and positions, both (queries, k), best first.

    All rows are of length 1; `others` are the vectors of the queries' language. By `csls` the 100
    nearest by cosine are put in the order of 2 cos(x, z) - r(x) - r(z) (Conneau et al., 2018),
    so that r is needed for these alone. Within one language `own_positions` are the positions of
    the queries among the targets: no word is its own neighbour.
    """
    extra = 0 if own_positions is None else 1
    depth = max(k, _CANDIDATES, NEIGHBOURS) if csls else k
    values, places = nearest(queries, targets, min(depth + extra, len(targets)))
    if own_positions is not None:
        values = values.masked_fill(places == own_positions[:, None], -torch.inf)
        values, order = values.sort(dim=1, descending=True)
        values, places = values[:, :-1], places.gather(1, order)[:, :-1]
    if csls:
        own = values[:, :NEIGHBOURS].mean(dim=1, keepdim=True)
        candidates, where = torch.unique(places, return_inverse=True)
        near = nearest(targets[candidates], others, min(NEIGHBOURS + extra, len(others)))[0]
        values = 2 * values - own - near[:, extra:].mean(dim=1)[where]
    best, order = values.topk(min(k, values.shape[1]), dim=1)
    return best, places.gather(1, order)


@dataclass(frozen=True)
class GoldDictionary:
    """What a dictionary asks for: each source position with the positions that are right.

    `missing` source words have no pair of which both words are in the vectors.
    """

    answers: Mapping[int, frozenset[int]]
    missing: int

    @property
    def coverage(self) -> float:
        """Share of the dictionary's source words that can be asked."""
        known = len(self.answers)
        return known / (known + self.missing) if known + self.missing else 0.0


def gold_dictionary(
    pairs: Sequence[tuple[str, str]], source: Mapping[str, int], target: Mapping[str, int]
) -> GoldDictionary:
    """The questions that `pairs` of words pose to two vocabularies (positions by word)."""
    answers: dict[int, set[int]] = {}
    words: set[str] = set()
    for word, translation in pairs:
        words.add(word)
        if word in source and translation in target:
            answers.setdefault(source[word], set()).add(target[translation])
    frozen = {place: frozenset(right) for place, right in answers.items()}
    return GoldDictionary(frozen, len(words) - len(frozen))


def precision_at_k(found: Tensor, gold: GoldDictionary) -> dict[str, Any]:
    """Precision at 1, 5 and 10 with 95% intervals over source words, and coverage.

    `found`: int64 (questions, 10 or more), the ranked target positions for the sources of
    `gold.answers` in their order. A word counts as translated when any of its translations is
    among the first k.
    """
    ranked = found.cpu().numpy()
    right = list(gold.answers.values())
    scores: dict[str, Any] = {"words": len(right), "coverage": round(gold.coverage, 4)}
    for rank in RANKS:
        hits = np.array(
            [
                not answers.isdisjoint(row[:rank])
                for row, answers in zip(ranked, right, strict=True)
            ],
            dtype=np.float32,
        )
        scores[f"p_at_{rank}"] = share_interval(hits, np.ones(len(hits)))
    return scores


def topk(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Values and columns, each (rows, k), of the k largest in each row of `scores` (rows, n).

    Largest first. The k largest lie in those k chunks of 64 neighbours that have the largest
    maxima, so after one quick pass for the maxima only k chunks per row are looked at; torch's
    `topk` over whole rows takes several times as long on a CPU.
    """
    rows, columns = scores.shape
    chunks = columns // _CHUNK
    if chunks <= 4 * k:
        return _sorted_topk(scores, k)
    body = scores[:, : chunks * _CHUNK].unflatten(1, (chunks, _CHUNK))
    best = body.amax(dim=2).topk(k, dim=1, sorted=False).indices
    found = body.gather(1, best.unsqueeze(2).expand(rows, k, _CHUNK)).flatten(1)
    within = torch.arange(_CHUNK, device=scores.device)
    places = (best.unsqueeze(2) * _CHUNK + within).flatten(1)
    rest = torch.arange(chunks * _CHUNK, columns, device=scores.device).expand(rows, -1)
    values, chosen = _sorted_topk(torch.cat([found, scores[:, chunks * _CHUNK :]], dim=1), k)
    return values, torch.cat([places, rest], dim=1).gather(1, chosen)


def _sorted_topk(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    values, chosen = scores.topk(min(k, scores.shape[1]), dim=1)
    return values, chosen


def bfloat16_copy(queries: Tensor, targets: Tensor) -> Tensor | None:
    """`targets` in bfloat16 where a first look pays: many words, on a processor with AMX.

    Among fewer words choosing the candidates takes longer than multiplying exactly.
    """
    supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    if targets.device.type != "cpu" or len(targets) < _MIN_WORDS_FOR_BFLOAT16:
        return None
    return targets.bfloat16() if supported() else None


def approximate_scores(queries: Tensor, coarse: Tensor, scores: Tensor) -> None:
    """Write `queries @ coarse.T` into `scores`, float32 (queries, targets), nearly right.

    By tiles that stay in the cache until they are in float32.
    """
    halves = queries.bfloat16()
    for start in range(0, len(coarse), _COLUMNS):
        place = slice(start, start + _COLUMNS)
        scores[:, place].copy_(halves @ coarse[place].T)


def exact_scores(queries: Tensor, targets: Tensor, places: Tensor) -> Tensor:
    """The products of each query (n, width) with its candidates `places` (n, c), float32 (n, c)."""
    parts = [
        torch.bmm(targets[some], rows.unsqueeze(2)).squeeze(2)
        for rows, some in zip(queries.split(_EXACT_ROWS), places.split(_EXACT_ROWS), strict=True)
    ]
    return torch.cat(parts)
