"""A first look in half precision, where the processor multiplies that several times as fast."""

from __future__ import annotations

import torch
from torch import Tensor

# So many more candidates than wanted are kept for the exact second look. Half precision errs by
# a few thousandths, less than lies between the tenth neighbour and the thirtieth.
MARGIN = 16
_FEWEST = 30_000
_EXACT_ROWS = 256
_COLUMNS = 8192


def coarse_copy(queries: Tensor, targets: Tensor) -> Tensor | None:
    """`targets` in bfloat16 where a first look pays: many words, on a processor with AMX.

    Among fewer words choosing the candidates takes longer than multiplying exactly.
    """
    supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    if targets.device.type != "cpu" or len(targets) < _FEWEST:
        return None
    return targets.bfloat16() if supported() else None


def coarsely(queries: Tensor, coarse: Tensor, scores: Tensor) -> None:
    """Write `queries @ coarse.T` into `scores`, float32 (queries, targets), nearly right.

    By tiles that stay in the cache until they are in float32.
    """
    halves = queries.bfloat16()
    for start in range(0, len(coarse), _COLUMNS):
        place = slice(start, start + _COLUMNS)
        scores[:, place].copy_(halves @ coarse[place].T)


def exactly(queries: Tensor, targets: Tensor, places: Tensor) -> Tensor:
    """The products of each query (n, width) with its candidates `places` (n, c), float32 (n, c)."""
    parts = [
        torch.bmm(targets[some], rows.unsqueeze(2)).squeeze(2)
        for rows, some in zip(queries.split(_EXACT_ROWS), places.split(_EXACT_ROWS), strict=True)
    ]
    return torch.cat(parts)
