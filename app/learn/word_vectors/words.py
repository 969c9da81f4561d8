"""The words of a text, as the models of word vectors read them."""

from __future__ import annotations

import unicodedata

import regex

# A run of letters, marks and digits, which an apostrophe or a hyphen inside does not end; marks
# belong to the letter before them, as in Devanagari. Python's own `re` does not know that.
_WORD = regex.compile(
    r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['\u2019\u200c\u200d\-·][\p{L}\p{M}\p{N}]+)*"
)


def words_of(text: str) -> list[str]:
    """The words of `text` in order, in Unicode's normal form C, case kept, punctuation dropped.

    In scripts that are written without spaces (Han, Kana, Thai, Lao, Khmer, Burmese) a "word" is
    here all that stands between two signs of punctuation; `Vocabulary.find` cuts it further.
    """
    return _WORD.findall(unicodedata.normalize("NFC", text))
