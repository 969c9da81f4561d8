"""One label for each row, by which splits and samples are stratified."""

from __future__ import annotations

import numpy as np


def strata(targets: np.ndarray) -> np.ndarray:
    """int64 (n,), counted from 0: each row's rarest label, whatever the shape of the targets.

    A row of several labels counts where it is needed most, as in iterative stratification
    (Sechidis et al., 2011). Rows without any label, and sentences whose words all have the same
    most frequent tag, are a stratum of their own. `targets` are as in `Examples`.
    """
    if targets.ndim == 1:
        return targets
    present = targets if targets.dtype == bool else _tags_present(targets)
    frequency = present.sum(axis=0)
    classes = present.shape[1]
    if not len(targets) or not classes:
        return np.zeros(len(targets), dtype=np.int64)
    rarest = np.where(present, frequency, len(targets) + 1).argmin(axis=1)
    return np.where(present.any(axis=1), rarest, classes)


def _tags_present(targets: np.ndarray) -> np.ndarray:
    """bool (n, tags): which tags the words of each sentence have."""
    tags = np.arange(targets.max(initial=-1) + 1)
    return (
        np.stack([(targets == tag).any(axis=1) for tag in tags], axis=1)
        if len(tags)
        else (np.zeros((len(targets), 0), dtype=bool))
    )
