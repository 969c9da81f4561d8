"""Makes the embedding rows of a new vocabulary out of those of the old one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_BLOCK = 512


@dataclass(frozen=True)
class Anchors:
    """Rows that are known: float32 (size, width), bool (size,) for which, counted by origin."""

    rows: Tensor
    known: np.ndarray
    origins: dict[str, int]


def fill_by_neighbours(
    anchors: Anchors, vectors: np.ndarray, neighbours: int, temperature: float
) -> Anchors:
    """Give each token without a row the mean of its neighbours' rows.

    `vectors`: float32 (size, k) of length 1 or 0, in which tokens are compared by cosine; a token
    of length 0 has no neighbours and stays without. The weights are a softmax over the
    `neighbours` nearest anchors (WECHSEL: Minixhofer et al., 2022; FOCUS: Dobler and de Melo,
    2023), compared in blocks.
    """
    there = np.linalg.norm(vectors, axis=1) > 0
    sources = np.flatnonzero(anchors.known & there)
    wanting = np.flatnonzero(~anchors.known & there)
    if not len(sources) or not len(wanting):
        return anchors
    rows, known = anchors.rows.clone(), anchors.known.copy()
    # Copied, since products of memory that is aligned otherwise differ in the last bit.
    nearest = torch.tensor(vectors[sources])
    taken = anchors.rows[torch.from_numpy(sources)]
    for start in range(0, len(wanting), _BLOCK):
        block = wanting[start : start + _BLOCK]
        similarity = torch.tensor(vectors[block]) @ nearest.T
        best, place = similarity.topk(min(neighbours, len(sources)), dim=1)
        weights = torch.softmax(best / temperature, dim=1)
        rows[torch.from_numpy(block)] = (weights.unsqueeze(-1) * taken[place]).sum(dim=1)
    known[wanting] = True
    return Anchors(rows, known, anchors.origins | {"neighbours": len(wanting)})


def draw_rows(like: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Rows float32 (size, width), normal with the mean and deviation of each column of `like`."""
    drawn = torch.randn(size, like.shape[1], generator=generator)
    return like.mean(dim=0) + drawn * like.std(dim=0)
