"""CoNLL files: one word a line with its tags in columns, an empty line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from app.domain.errors.dataset_files import ColumnMissing, RowMalformed
from app.formats.tables.encoding import check_utf8
from app.formats.tables.plain_lines import read_lines
from app.formats.tables.raw_table import Cell, RawTable

_DOCUMENT = "-DOCSTART-"
_LASTING = ("newdoc", "newpar")
# As CoNLL-U has them: `# sent_id = 5`, `# newdoc id = a`, `# text[en] = ...`, `# newpar`.
_COMMENT = re.compile(r"#\s*([\w.:-]+(?:\[\w*\])?(?: \w+)?)\s*=\s*(.*)|#\s*new(?:doc|par)\s*$")
# Only these part columns: a token may hold a no-break space or another one of Unicode.
_SPACES = re.compile(r"[ \t]+")
_WIDTH_OF_CONLLU = 10
_ADVICE = (
    "Write each word on a line of its own with its tag in the last column, and an empty line "
    "after each sentence."
)


def open_conll(file: Path, group: str | None = None) -> RawTable:
    """A table of sentences; its columns are "1", "2", ..., each cell the list of a column's words.

    Columns are divided by tabs where the first word's line has one, else by spaces; their number
    is the first line's. `-DOCSTART-` lines and comments (`# name = value`) are no words, nor is
    before a sentence any line that begins with `#` and has another number of columns; of CoNLL-U
    also ranges and empty nodes are left out. The last column, called "group", has the value of a
    comment `# group = ...` before the sentence, or of the comment that `group` names; the ids of
    documents and paragraphs (`newdoc id`, `newpar id`) hold until the next one.
    `details` have the names of the comments before the first sentence. Raises
    `EncodingNotUtf8`, and `RowMalformed` where a line has another number of columns.
    """
    check_utf8(file)
    comments: list[str] = []
    first = ""
    for line in read_lines(file):
        if found := _COMMENT.match(line):
            comments.append(found.group(1) or "")
        elif _is_word(line):
            first = line
            # What begins with # may be a word or a comment, which the next line tells.
            if not line.startswith("#"):
                break
    separator = "\t" if "\t" in first else None
    # A file without words has one column, which no row fills.
    width = max(1, len(_divide(first, separator)))
    columns = (*(str(n) for n in range(1, width + 1)), "group")
    details = {"format": "conllu" if _is_conllu(first) else "conll", "comments": comments}
    read = partial(_read, file, separator, width, group or "group")
    return RawTable(columns, read, details)


def conll_columns(
    table: RawTable, words: str | None, tags: str | None
) -> tuple[str, str, str | None]:
    """The columns of words, tags and groups; numbers count from 1.

    Where the user names none: the first and the last; of CoNLL-U the forms (2) and the universal
    parts of speech (4). Raises `ColumnMissing`.
    """
    conllu = table.details["format"] == "conllu"
    numbers = table.columns[:-1]
    chosen = words or ("2" if conllu else "1"), tags or ("4" if conllu else numbers[-1])
    missing = {
        role: column
        for role, column in zip(("text", "label"), chosen, strict=True)
        if column not in numbers
    }
    if missing:
        raise ColumnMissing(missing, numbers, set(numbers) & set(chosen))
    return *chosen, "group"


def _read(
    file: Path, separator: str | None, width: int, name: str, wanted: tuple[str, ...]
) -> Iterator[tuple[Cell, ...]]:
    positions = [None if column == "group" else int(column) - 1 for column in wanted]
    for number, (group, lines) in enumerate(_sentences(file, name, separator, width), start=1):
        words = [_parts(line, at, number, separator, width) for at, line in lines]
        words = [word for word in words if not _is_no_word_of_conllu(word)]
        yield tuple(group if at is None else [word[at] for word in words] for at in positions)


def _sentences(
    file: Path, name: str, separator: str | None, width: int
) -> Iterator[tuple[str | None, list[tuple[int, str]]]]:
    """The comment `name` of each sentence, and the lines of its words with their numbers."""
    group: str | None = None
    words: list[tuple[int, str]] = []
    for number, line in enumerate(read_lines(file), start=1):
        if _is_word(line):
            if words or line[0] != "#" or len(_divide(line, separator)) == width:
                words.append((number, line))
        elif words and (not line.strip() or line.strip().startswith(_DOCUMENT)):
            yield group, words
            group, words = group if name.startswith(_LASTING) else None, []
        else:
            group = _group_after(line, name, group)
    if words:
        yield group, words


def _group_after(line: str, name: str, group: str | None) -> str | None:
    """The value of a comment `name`; a document or paragraph without an id ends the one before."""
    found = _COMMENT.match(line)
    if found and found.group(1) == name:
        return found.group(2).strip() or None
    if found and found.group(1) is None and name.startswith(line.strip("# 	")):
        return None
    return group


def _parts(line: str, at: int, number: int, separator: str | None, width: int) -> list[str]:
    parts = _divide(line, separator)
    if len(parts) != width:
        reason = f"line {at} has {len(parts)} column(s), the first word {width}"
        raise RowMalformed(number, None, reason, _ADVICE)
    return parts


def _divide(line: str, separator: str | None) -> list[str]:
    return line.split(separator) if separator else _SPACES.split(line.strip(" \t"))


def _is_no_word_of_conllu(parts: list[str]) -> bool:
    """Ranges of words that are written as one (1-2), and words that are not written (1.1)."""
    return len(parts) == _WIDTH_OF_CONLLU and re.fullmatch(r"\d+[-.]\d+", parts[0]) is not None


def _is_word(line: str) -> bool:
    plain = line.strip()
    return bool(plain) and not plain.startswith(_DOCUMENT) and not _COMMENT.match(plain)


def _is_conllu(first: str) -> bool:
    parts = first.split("\t")
    return len(parts) == _WIDTH_OF_CONLLU and re.match(r"\d", parts[0]) is not None
