"""The texts that show which pieces a model's languages need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from app.learn.examples import texts_of
from app.learn.monitor import Monitor
from app.methods.contract import MethodInput

_CHUNK = 512
_HELD_OUT = 10  # of so many texts, one


@dataclass(frozen=True)
class Evidence:
    """Texts of one role as the pieces that they are cut into.

    `ids`: int64 (tokens,); `texts`: int64 (tokens,), to which text each belongs; `size` of them.
    """

    role: str
    ids: np.ndarray
    texts: np.ndarray
    size: int

    def counts(self, ids: int, held_out: bool | None = None) -> np.ndarray:
        """How often each of `ids` ids is used, int64; by the held-out texts or the others alone."""
        chosen = self.ids
        if held_out is not None:
            chosen = chosen[self._held_out() == held_out]
        return np.bincount(chosen, minlength=ids)

    def coverage(self, kept: np.ndarray) -> dict[str, float | int] | None:
        """Shares of held-out texts that change in nothing and of their tokens that are kept.

        `kept`: bool (ids,). None where there are too few texts to hold any out.
        """
        held = self._held_out()
        there = kept[self.ids[held]]
        # Texts are numbered from 0 and the last of each ten is held out.
        texts = self.size // _HELD_OUT
        if texts == 0 or len(there) == 0:
            return None
        missed = np.bincount(self.texts[held] // _HELD_OUT, weights=~there, minlength=texts)
        return {
            "texts": texts,
            "texts_unchanged": float((missed == 0).mean()),
            "tokens_kept": float(there.mean()),
        }

    def _held_out(self) -> np.ndarray:
        return self.texts % _HELD_OUT == _HELD_OUT - 1


def read_evidence(
    given: MethodInput, tokenizer: Tokenizer, prefix: str, monitor: Monitor
) -> list[Evidence]:
    """Cut all texts of the transfer into pieces, each after `prefix` and without a limit."""
    roles = {
        "unlabelled": given.unlabelled,
        "source_unlabelled": given.source_unlabelled,
        "source": None if given.source is None else given.source.inputs,
    }
    found = {role: texts_of(inputs) for role, inputs in roles.items() if inputs is not None}
    total, done, evidence = sum(map(len, found.values())), 0, []
    for role, texts in found.items():
        parts: list[list[int]] = []
        for start in range(0, len(texts), _CHUNK):
            chunk = [prefix + text for text in texts[start : start + _CHUNK]]
            parts += [one.ids for one in tokenizer.encode_batch(chunk)]
            done += len(chunk)
            monitor.progress("reading the texts", done / total)
        ids = np.array([id for part in parts for id in part], dtype=np.int64)
        places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        evidence.append(Evidence(role, ids, places, len(parts)))
    return evidence
