"""The words of one language with their rows, and how a text finds them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import regex

from app.learn.word_vectors.words import words_of

# Written without spaces between words.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
_LONGEST = 16


class Vocabulary:
    """The words of `language`, the first in row `start` of the matrix, the next in the next.

    Files of word vectors put frequent words first; `rank` is a row counted from `start`.
    """

    def __init__(self, language: str, words: Sequence[str], start: int = 0) -> None:
        self.language = language
        self.words = tuple(words)
        self.start = start
        self._rank: dict[str, int] = {}
        for rank, word in enumerate(self.words):
            self._rank.setdefault(unicodedata.normalize("NFC", word), rank)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def rows(self) -> slice:
        """The rows of the matrix that are this vocabulary's."""
        return slice(self.start, self.start + len(self.words))

    def at(self, start: int) -> Vocabulary:
        """The same words, in the rows from `start` on."""
        return Vocabulary(self.language, self.words, start)

    def rank(self, word: str) -> int | None:
        """The rank of `word` as it stands, else in lower case; None for an unknown word."""
        word = unicodedata.normalize("NFC", word)
        found = self._rank.get(word)
        return self._rank.get(word.lower()) if found is None else found

    def find(self, text: str) -> tuple[list[int], int]:
        """The ranks of the words of `text` that are known, and how many letters they cover.

        A run of a script without spaces is cut from the left into the longest words known
        (maximum matching); signs that begin no known word are passed over.
        """
        ranks: list[int] = []
        covered = 0
        for word in words_of(text):
            rank = self.rank(word)
            if rank is not None:
                ranks.append(rank)
                covered += len(word)
            elif _UNSPACED.search(word):
                found, letters = self._cut(word)
                ranks += found
                covered += letters
        return ranks, covered

    def _cut(self, run: str) -> tuple[list[int], int]:
        ranks: list[int] = []
        place = covered = 0
        while place < len(run):
            for end in range(min(len(run), place + _LONGEST), place, -1):
                rank = self._rank.get(run[place:end])
                if rank is not None:
                    ranks.append(rank)
                    covered += end - place
                    place = end
                    break
            else:
                place += 1
        return ranks, covered
