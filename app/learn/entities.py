"""Entities that the tags of words mark, and how many of them two taggings share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.domain.tags import mark_entities, split_tag

_OUTSIDE, _BEGIN, _INSIDE, _END, _SINGLE = range(5)
_CODES = {"O": _OUTSIDE, "B": _BEGIN, "I": _INSIDE, "E": _END, "S": _SINGLE}


@dataclass(frozen=True)
class EntityCounts:
    """By sentence and entity type, float32 (n, types): entities right, predicted, and true."""

    hits: np.ndarray
    guesses: np.ndarray
    truths: np.ndarray


@dataclass(frozen=True)
class TagScheme:
    """What each of `labels` says of its word; where they mark no entities, each word is one."""

    labels: tuple[str, ...]

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The entity types, sorted; of plain tags (parts of speech), the tags but "O"."""
        return tuple(sorted({kind for _, kind in self._parts if kind}))

    def entities(self, tags: np.ndarray) -> np.ndarray:
        """The entities in `tags` (int (n, words), negative where there is no word).

        Returns int64 (m, 4): sentence, first word, last word, type. An entity goes on with I or E
        of its own type after B or I; any other tag but O begins one. That is how conlleval counts
        (Tjong Kim Sang and De Meulder, 2003), and seqeval where `mode` is not given.
        """
        # A column of O at either end, so that no entity reaches out of its sentence.
        padded = np.pad(tags, ((0, 0), (1, 1)), constant_values=-1)
        known = padded.clip(min=0)
        code = np.where(padded < 0, _OUTSIDE, self._codes[known])
        kind = np.where(padded < 0, -1, self._kinds[known])
        goes_on = np.zeros_like(padded, dtype=bool)
        goes_on[:, 1:] = (
            np.isin(code[:, 1:], (_INSIDE, _END))
            & np.isin(code[:, :-1], (_BEGIN, _INSIDE))
            & (kind[:, 1:] == kind[:, :-1])
        )
        inside = code != _OUTSIDE
        sentence, first = np.nonzero(inside & ~goes_on)
        _, last = np.nonzero(inside[:, :-1] & ~goes_on[:, 1:])
        return np.stack([sentence, first - 1, last - 1, kind[sentence, first]], axis=1)

    def count(self, predicted: np.ndarray, true: np.ndarray) -> EntityCounts:
        """Compare two taggings of the same sentences; an entity is right where all of it is."""
        guesses, truths = self.entities(predicted), self.entities(true)
        found = set(map(tuple, truths.tolist()))
        right = np.array([tuple(one) in found for one in guesses.tolist()], dtype=bool)
        sentences = len(true)
        return EntityCounts(
            self._by_type(guesses[right], sentences),
            self._by_type(guesses, sentences),
            self._by_type(truths, sentences),
        )

    def _by_type(self, entities: np.ndarray, sentences: int) -> np.ndarray:
        counts = np.zeros((sentences, len(self.types)), dtype=np.float32)
        np.add.at(counts, (entities[:, 0], entities[:, 3]), 1)
        return counts

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        if mark_entities(self.labels):
            return [split_tag(label) or ("O", "") for label in self.labels]
        return [("O", "") if label == "O" else ("S", label) for label in self.labels]

    @cached_property
    def _codes(self) -> np.ndarray:
        return np.array([_CODES[prefix] for prefix, _ in self._parts])

    @cached_property
    def _kinds(self) -> np.ndarray:
        position = {kind: i for i, kind in enumerate(self.types)}
        return np.array([position.get(kind, -1) for _, kind in self._parts])
