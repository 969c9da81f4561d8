"""A dictionary read off two spaces that are roughly aligned already."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from app.learn.alignment.largest import largest
from app.learn.alignment.retrieval import NEIGHBOURS, Beat, nearest, score_blocks, silent


@dataclass(frozen=True)
class Induced:
    """`pairs`: source and target positions, int64 (n + m,) each: every word's best translation.

    `objective`: mean cosine of every word of either language with its nearest of the other.
    """

    pairs: tuple[Tensor, Tensor]
    objective: float
    source_words: int

    def mutual(self) -> tuple[Tensor, Tensor]:
        """Source and target positions of the pairs that both directions agree on."""
        first, second = self.pairs
        forward, backward = second[: self.source_words], first[self.source_words :]
        agreed = backward[forward] == first[: self.source_words]
        return first[: self.source_words][agreed], forward[agreed]


class Dropout:
    """Forgets a share of all similarities at random, so that induction can leave a poor optimum.

    Stochastic dictionary induction (Artetxe et al., 2018). Drawing a number for each of n x n
    similarities takes longer than computing them, so one random field is drawn in a round, and
    each row uses it from a random place on.
    """

    def __init__(self, keep: float, columns: int, generator: torch.Generator) -> None:
        """`columns`: the most that a row may have."""
        self._generator = generator
        self._dropped = torch.rand(2 * columns + 4096, generator=generator) >= keep

    def forget(self, scores: Tensor) -> None:
        """Set what is dropped to zero, in place."""
        rows, columns = scores.shape
        starts = torch.randint(len(self._dropped) - columns, (rows,), generator=self._generator)
        dropped = self._dropped.unfold(0, columns, 1)[starts]
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
    top = nearest(source, target, k, beat=beat)[0]
    dropout = None
    if keep < 1.0:
        size = max(len(source), len(target))
        dropout = Dropout(keep, size, generator or torch.Generator().manual_seed(0))
    found_sources, target_top = _translate(target, source, top.mean(dim=1), k, dropout, beat)
    found_targets, _ = _translate(source, target, target_top.mean(dim=1), 0, dropout, beat)
    everyone = torch.arange(max(len(source), len(target)), device=source.device)
    pairs = (
        torch.cat([everyone[: len(source)], found_sources]),
        torch.cat([found_targets, everyone[: len(target)]]),
    )
    objective = float((top[:, 0].mean() + target_top[:, 0].mean()) / 2)
    return Induced(pairs, objective, len(source))


def _translate(
    queries: Tensor, targets: Tensor, offsets: Tensor, k: int, dropout: Dropout | None, beat: Beat
) -> tuple[Tensor, Tensor]:
    """Best targets by CSLS (n,); and from the same products each query's k largest cosines."""
    found, tops = [], []
    for rows, scores in score_blocks(queries, targets, beat):
        if k:
            tops.append(rows.best(scores, k)[0])
        if dropout is None:
            found.append(rows.best(scores, 1, offsets / 2)[1])
        else:
            scores.sub_(offsets / 2)
            dropout.forget(scores)
            found.append(largest(scores, 1)[1])
    return torch.cat(found)[:, 0], torch.cat(tops) if k else offsets
