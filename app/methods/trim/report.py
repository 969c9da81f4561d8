"""What `trim` tells of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from app.learn.vocabulary import Vocabulary
from app.methods.trim.evidence import Evidence


def sizes(before: Vocabulary, network: nn.Module, rows: int) -> dict[str, Any]:
    """Rows, parameters and bytes of weights before and after; `network` is the cut one."""
    after = sum(parameter.numel() for parameter in network.parameters())
    parameters = after + (len(before.rows) - rows) * before.rows.shape[1]
    size = before.number_bytes
    return {
        "rows": {"before": len(before.rows), "after": rows},
        "parameters": {"before": parameters, "after": after},
        "bytes": {"before": parameters * size, "after": after * size},
    }


def account(
    evidence: Evidence, kept: np.ndarray, rehearsed: np.ndarray, size: int
) -> dict[str, Any]:
    """What the texts of one role speak for, and how well a choice covers texts it did not see.

    `kept` and `rehearsed` are int (k,) of `size` ids: those chosen at last, and those chosen
    without the held-out texts, by which the coverage is told.
    """
    counts = evidence.counts(size)
    covered = np.zeros(size, dtype=bool)
    covered[rehearsed] = True
    return {
        "role": evidence.role,
        "texts": evidence.size,
        "pieces_used": int((counts > 0).sum()),
        "share_of_kept": float((counts[kept] > 0).mean()),
        "tokens_kept": float(counts[kept].sum() / max(counts.sum(), 1)),
        "held_out": evidence.coverage(covered),
    }
