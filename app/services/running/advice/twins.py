"""Pairs of a row and the test row that it gives away, as they are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.learn.examples import Examples, texts_of

_LISTED = 100
_SHOWN = 5
_CHARACTERS = 160


@dataclass(frozen=True)
class Twins:
    """`pairs` are (position in `rows`, position in `test`, score), the surest first."""

    rows: Examples
    test: Examples
    pairs: list[tuple[int, int, float]]

    @property
    def found(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)

    def test_rows(self) -> set[int]:
        """The numbers of the test rows that are given away."""
        return {int(self.test.rows[j]) for _, j, _ in self.pairs}

    def seen_rows(self) -> set[int]:
        """The numbers of the test rows that were looked at."""
        return {int(row) for row in self.test.rows}

    def report(self) -> dict[str, Any]:
        """How many rows were looked at and found; a hundred pairs by number, five with texts."""
        return {
            "looked_at": len(self.rows),
            "test_rows_looked_at": len(self.test),
            "found": self.found,
            "pairs": [self._numbers(pair) for pair in self.pairs[:_LISTED]],
            "examples": [self._numbers(pair) | self._texts(pair) for pair in self.pairs[:_SHOWN]],
        }

    def _numbers(self, pair: tuple[int, int, float]) -> dict[str, Any]:
        i, j, score = pair
        return {
            "row": int(self.rows.rows[i]),
            "test_row": int(self.test.rows[j]),
            "score": round(score, 4),
        }

    def _texts(self, pair: tuple[int, int, float]) -> dict[str, str]:
        i, j, _ = pair
        return {
            "text": texts_of(self.rows.inputs[i : i + 1])[0][:_CHARACTERS],
            "test_text": texts_of(self.test.inputs[j : j + 1])[0][:_CHARACTERS],
        }
