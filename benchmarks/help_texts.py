"""Real text in several languages from help packages of Debian, and word vectors trained on it.

Unpack (`dpkg-deb -x PACKAGE.deb FOLDER`) libreoffice-help-*, gimp-help-*, debian-reference-*,
debian-handbook, installation-guide-amd64 and dict-freedict-eng-* into one folder.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

from app.learn.word_vectors import words_of

_PLACES = (
    "usr/share/libreoffice/help/{office}/text/**/*.html",
    "usr/share/gimp/2.0/help/{language}/*.html",
    "usr/share/doc/debian-handbook/html/{handbook}/*.html",
    "usr/share/doc/installation-guide-amd64/{language}/*.html",
    "usr/share/debian-reference/*.{language}.html",
)
_NAMES = {
    "en": {"office": "en-US", "handbook": "en-US"},
    "de": {"office": "de", "handbook": "de-DE"},
    "fr": {"office": "fr", "handbook": "fr-FR"},
}
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "pre", "div", "dt", "dd", "title"}
_SILENT = {"script", "style", "pre"}
_FREEDICT = {"de": "deu", "fr": "fra", "sw": "swh"}


def vectors_of(folder: Path, language: str) -> Path:
    """`vectors/LANGUAGE.vec` in `folder`, trained there at the first call: fastText, 300 wide.

    Skip-gram with character n-grams (Bojanowski et al., 2017) by gensim, 15 epochs, words seen
    twice or more, in one thread, so that the vectors are the same every time.
    """
    target = folder / "vectors" / f"{language}.vec"
    if not target.exists():
        from gensim.models import FastText

        target.parent.mkdir(exist_ok=True)
        sentences = list(paragraphs(folder, language))
        network = FastText(
            sentences, vector_size=300, window=5, min_count=2, sg=1, negative=10,
            sample=1e-4, epochs=15, workers=1, seed=1, min_n=3, max_n=6, bucket=200_000,
        )  # fmt: skip
        network.wv.save_word2vec_format(str(target), binary=False)
    return target


def paragraphs(folder: Path, language: str) -> Iterator[list[str]]:
    """The lower-case words of each paragraph, each paragraph once.

    What stands in the English files as well was never translated, and is left out.
    """
    seen = set() if language == "en" else {" ".join(words) for words in paragraphs(folder, "en")}
    for line in lines(folder, language):
        words = words_of(line.lower())
        key = " ".join(words)
        if len(words) > 1 and key not in seen:
            seen.add(key)
            yield words


def lines(folder: Path, language: str) -> Iterator[str]:
    """Every block of text as it is written, headings and cells of tables too."""
    for pattern in _PLACES:
        for file in sorted(folder.glob(pattern.format(language=language, **_NAMES[language]))):
            yield from _lines(file)


def dictionary(folder: Path, language: str) -> list[tuple[str, str]]:
    """Pairs of single words, English to `language`, lower case, from FreeDict's dictionary."""
    return _single_words(_entries(folder, f"eng-{_FREEDICT[language]}"))


def back_dictionary(folder: Path, language: str) -> list[tuple[str, str]]:
    """The same, English to `language`, from the dictionary of the other direction."""
    found = _entries(folder, f"{_FREEDICT[language]}-eng")
    return _single_words((meaning, word) for word, meaning in found)


def _entries(folder: Path, direction: str) -> Iterator[tuple[str, str]]:
    """Each word with each of its translations."""
    file = folder / f"usr/share/dictd/freedict-{direction}.dict.dz"
    with gzip.open(file, "rt", encoding="utf-8", errors="replace") as found:
        word = ""
        for line in found:
            entry = re.match(r"^([^/\s][^/]*) /.*/", line)
            if entry:
                word = entry.group(1).strip().lower()
            elif word and not line.startswith((" ", "\t", "\n")):
                for meaning in _meanings(line):
                    yield word, meaning


def _single_words(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in dict.fromkeys(pairs) if all(len(words_of(side)) == 1 for side in pair)]


def _meanings(line: str) -> list[str]:
    """What a line of translations offers: without number, brackets and grammar."""
    line = re.sub(r"^\d+\.\s*", "", line)
    line = re.sub(r"<[^>]*>|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}", " ", line)
    return [" ".join(part.split()).lower() for part in re.split(r"[,;]", line) if part.strip()]


def _lines(file: Path) -> list[str]:
    reader = _Reader("DisplayArea" if "libreoffice" in str(file) else "")
    reader.feed(file.read_text(encoding="utf-8", errors="replace"))
    reader.close()
    return reader.lines


class _Reader(HTMLParser):
    """Collects the text of each block; up to the element with the id `start` all is frame."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._start = start
        self._silent = 0
        self._buffer: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._start and dict(attrs).get("id") == self._start:
            self._start = ""
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self._end()

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag in _BLOCKS:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._start and self._silent <= 0:
            self._buffer.append(data)

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        text = " ".join("".join(self._buffer).split())
        self._buffer = []
        if text:
            self.lines.append(text)
