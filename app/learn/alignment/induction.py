"""A dictionary read off two spaces that are roughly aligned already."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from app.learn.alignment.largest import largest
from app.learn.alignment.retrieval import NEIGHBOURS, Beat, blocks, silent


@dataclass(frozen=True)
class Induced:
    """`pairs`: source and target positions, int64 (n + m,) each: every word's best translation.

    `objective`: mean cosine of every word of either language with its nearest of the other.
    """

    pairs: tuple[Tensor, Tensor]
    objective: float


class Dropout:
    """Forgets a share of all similarities at random, so that induction can leave a poor optimum.

    Stochastic dictionary induction (Artetxe et al., 2018). Drawing a number for each of n x n
    similarities takes longer than computing them, so one random field is drawn in a round, and
    each row of it is used from a random place on.
    """

    def __init__(self, keep: float, columns: int, generator: torch.Generator) -> None:
        self.keep = keep
        self._generator = generator
        self._field = torch.rand(2 * columns + 8191, generator=generator) >= keep

    def forget(self, scores: Tensor) -> None:
        """Set what is dropped to zero, in place."""
        rows, columns = scores.shape
        starts = torch.randint(len(self._field) - columns, (rows,), generator=self._generator)
        dropped = self._field.unfold(0, columns, 1)[starts]
        scores.masked_fill_(dropped.to(scores.device), 0.0)


def induce(
    source: Tensor,
    target: Tensor,
    k: int = NEIGHBOURS,
    keep: float = 1.0,
    generator: torch.Generator | None = None,
    beat: Beat = silent,
) -> Induced:
    """Every word's best translation by CSLS in both directions.

    `source` (n, width) and `target` (m, width) have rows of length 1 or so and lie in one space.
    `keep` < 1 forgets the other similarities at random (see Dropout), drawn from `generator`.
    Three passes over the similarities: r of the source words; r and translations of the target
    words, which need the first; translations of the source words, which need both.
    """
    k = min(k, len(source), len(target))
    source_best = [largest(scores, k)[0] for _, scores in blocks(source, target, beat=beat)]
    top = torch.cat(source_best)
    found_sources, target_top = _translate_with_hubness(
        target, source, top.mean(dim=1), k, _dropout(keep, len(source), generator), beat
    )
    found_targets = _translate(
        source, target, target_top.mean(dim=1), _dropout(keep, len(target), generator), beat
    )
    everyone = torch.arange(max(len(source), len(target)), device=source.device)
    pairs = (
        torch.cat([everyone[: len(source)], found_sources]),
        torch.cat([found_targets, everyone[: len(target)]]),
    )
    return Induced(pairs, float((top[:, 0].mean() + target_top[:, 0].mean()) / 2))


def _translate_with_hubness(
    queries: Tensor, targets: Tensor, offsets: Tensor, k: int, dropout: Dropout | None, beat: Beat
) -> tuple[Tensor, Tensor]:
    """Best targets by CSLS (n,), and each query's k largest cosines (n, k)."""
    found, tops = [], []
    for _, scores in blocks(queries, targets, beat=beat):
        tops.append(largest(scores, k)[0])
        scores.sub_(offsets / 2)
        found.append(_best(scores, dropout))
    return torch.cat(found), torch.cat(tops)


def _translate(
    queries: Tensor, targets: Tensor, offsets: Tensor, dropout: Dropout | None, beat: Beat
) -> Tensor:
    halves = offsets / 2
    return torch.cat(
        [_best(scores, dropout) for _, scores in blocks(queries, targets, halves, beat)]
    )


def _best(scores: Tensor, dropout: Dropout | None) -> Tensor:
    if dropout is not None:
        dropout.forget(scores)
    return largest(scores, 1)[1][:, 0]


def _dropout(keep: float, columns: int, generator: torch.Generator | None) -> Dropout | None:
    if keep >= 1.0:
        return None
    return Dropout(keep, columns, generator or torch.Generator().manual_seed(0))
