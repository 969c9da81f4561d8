"""The words nearest to a few words, by cosine or CSLS, without a look at every pair of words."""

from __future__ import annotations

import torch
from torch import Tensor

from app.learn.alignment.retrieval import NEIGHBOURS, nearest

# CSLS changes the order among near words; one that is not even among these is no candidate.
_CANDIDATES = 100


def rank(
    queries: Tensor,
    targets: Tensor,
    others: Tensor,
    k: int,
    csls: bool,
    themselves: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The k best targets of each query: scores and positions, both (queries, k), best first.

    All rows are of length 1; `others` are the vectors of the queries' language. By `csls` the 100
    nearest by cosine are put in the order of 2 cos(x, z) - r(x) - r(z) (Conneau et al., 2018),
    so that r is needed for these alone. Within one language `themselves` are the positions of
    the queries among the targets: no word is its own neighbour.
    """
    one = 0 if themselves is None else 1
    depth = max(k, _CANDIDATES, NEIGHBOURS) if csls else k
    values, places = nearest(queries, targets, min(depth + one, len(targets)))
    if themselves is not None:
        values = values.masked_fill(places == themselves[:, None], -torch.inf)
        values, order = values.sort(dim=1, descending=True)
        values, places = values[:, :-1], places.gather(1, order)[:, :-1]
    if csls:
        own = values[:, :NEIGHBOURS].mean(dim=1, keepdim=True)
        candidates, where = torch.unique(places, return_inverse=True)
        near = nearest(targets[candidates], others, min(NEIGHBOURS + one, len(others)))[0]
        values = 2 * values - own - near[:, one:].mean(dim=1)[where]
    best, order = values.topk(min(k, values.shape[1]), dim=1)
    return best, places.gather(1, order)
