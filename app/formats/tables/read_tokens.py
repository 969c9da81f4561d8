"""Tagged words: from CoNLL or a table to the canonical table, tags in BIO, and the facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors.dataset_files import ColumnMissing, NoUsableRows, RowMalformed, TooManyLabels
from app.domain.tagging import OUTSIDE, split_tag
from app.formats.dataset_report import sort_labels
from app.formats.tables.canonical import TaggedRow, TextRow, write_tagged_rows
from app.formats.tables.raw_table import (
    Cell,
    Columns,
    RawTable,
    UsableRows,
    cell_name,
    cell_text,
    convert_cell,
    find_columns,
    find_group,
)
from app.formats.tables.read_texts import report_texts
from app.formats.tables.readers import check_utf8, read_lines

_MAX_TAGS = 500
_LISTS_ADVICE = 'Write both as lists of one length, such as {"tokens": ["Hi"], "tags": ["O"]}.'
_DOCUMENT = "-DOCSTART-"
_GROUP_COMMENTS = ("newdoc", "newpar")
# As CoNLL-U has them: `# sent_id = 5`, `# newdoc id = a`, `# text[en] = ...`, `# newpar`.
_COMMENT = re.compile(r"#\s*([\w.:-]+(?:\[\w*\])?(?: \w+)?)\s*=\s*(.*)|#\s*new(?:doc|par)\s*$")
# Only these part columns: a token may hold a no-break space or another one of Unicode.
_SPACES = re.compile(r"[ \t]+")
_WIDTH_OF_CONLLU = 10
_CONLL_ADVICE = (
    "Write each word on a line of its own with its tag in the last column, and an empty line "
    "after each sentence."
)
NumberedTags = tuple[int, list[str]]  # number of the row, tags
_SCHEME_ADVICE = "Correct the tag: an entity begins with B- and goes on with I- of the same type."


def read_tokens(
    table: RawTable, hints: DatasetHints, language: str, canonical: Path
) -> DatasetFacts:
    """Write the sentences that have words to `canonical`, tags in BIO, and report on them.

    Raises `RejectedFile` leaves that name the row and the column.
    """
    columns = _columns(table, hints)
    read = _read_sentences(table, columns)
    if hints.group and all(group is None for *_, group in read.rows):
        raise ColumnMissing({"group": hints.group}, tuple(table.details.get("comments", ())))
    found = normalise_tags([(row, tags) for row, _, tags, _ in read.rows], columns.label)
    rows = [
        TaggedRow(row, words, tags, " ".join(words), group)
        for (row, words, _, group), tags in zip(read.rows, found.tags, strict=True)
    ]
    labels = (
        sort_labels(tag for tags in found.tags for tag in tags)
        if found.scheme == "plain"
        else complete_labels(found.tags)
    )
    if len(labels) > _MAX_TAGS:
        raise TooManyLabels(len(labels), _MAX_TAGS, columns.label)
    write_tagged_rows(rows, canonical)
    report = _report(rows, read, columns, table.details, language)
    return DatasetFacts(
        kind=DatasetKind.TOKENS,
        rows=len(rows),
        labels=labels,
        grouped=any(row.group is not None for row in rows),
        report=report | _report_tags(found),
    )


@dataclass
class _RawSentences:
    """Rows as (number, words, tags, group); `total` counts all, `empty` lists those without."""

    rows: list[tuple[int, list[str], list[str], str | None]] = field(default_factory=list)
    total: int = 0
    empty: list[int] = field(default_factory=list)


def _columns(table: RawTable, hints: DatasetHints) -> Columns:
    if table.details["format"] in ("conll", "conllu"):
        words, tags, group = conll_columns(table, hints.text, hints.label)
        return Columns(words, tags, None if hints.group == "" else group)
    wanted = [("text", hints.text), ("label", hints.label)]
    words, tags = find_columns(wanted, table.columns, {"text": "words", "label": "tags"})
    group = None if hints.group == "" else find_group(hints.group, table.columns)
    return Columns(words, tags, group)


def _read_sentences(table: RawTable, columns: Columns) -> _RawSentences:
    read = _RawSentences()
    wanted = (columns.text, columns.label) + ((columns.group,) if columns.group else ())
    for number, cells in table.numbered(wanted):
        read.total = number
        if cells is None:
            continue
        words = _list(cells[0], number, columns.text)
        tags = _list(cells[1], number, columns.label)
        if not words and not tags:
            read.empty.append(number)
            continue
        if len(words) != len(tags):
            reason = f"{len(words)} word(s) have {len(tags)} tag(s)"
            raise RowMalformed(number, columns.label, reason, _LISTS_ADVICE)
        group = convert_cell(cell_name, cells[2], number, wanted[2]) if columns.group else None
        read.rows.append((number, words, _named(tags, number, columns.label), group))
    if not read.rows:
        raise NoUsableRows(read.total, "words with tags")
    return read


def _list(cell: Cell, number: int, column: str) -> list[Cell]:
    if cell is None:
        return []
    if not isinstance(cell, list):
        raise RowMalformed(
            number, column, "a list of words or tags should stand there", _LISTS_ADVICE
        )
    return [_text(part, number, column) for part in cell]


def _text(part: Cell, number: int, column: str) -> str:
    convert = cell_text if isinstance(part, str) else cell_name
    found = convert_cell(convert, part, number, column)
    if found is None:
        raise RowMalformed(number, column, "a word or tag is empty", _LISTS_ADVICE)
    return found


def _named(tags: list[str], number: int, column: str) -> list[str]:
    if any(tag.isdigit() for tag in tags):
        reason = "a tag is a number, and the file does not say what it stands for"
        raise RowMalformed(number, column, reason, "Write the names of the tags.")
    return tags


def _report(
    rows: list[TaggedRow],
    read: _RawSentences,
    columns: Columns,
    details: dict[str, Any],
    language: str,
) -> dict[str, Any]:
    as_texts = [TextRow(row.row, row.text, " ".join(row.tags), row.group) for row in rows]
    found = UsableRows(as_texts, read.total, read.empty)
    names = [tag for row in rows for tag in row.tags]
    return report_texts(found, columns, details, language, names)


def _report_tags(found: NormalisedTags) -> dict[str, Any]:
    """The scheme of the file, how many tags were rewritten, and the entities of each type."""
    counts = {} if found.scheme == "plain" else count_entities(found.tags)
    return {
        "scheme": {"found": found.scheme, "rewritten": found.changed},
        "entities": {kind: counts[kind] for kind in sorted(counts)},
        "words": sum(map(len, found.tags)),
    }


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
    width = max(1, len(_split_line(first, separator)))
    columns = (*(str(n) for n in range(1, width + 1)), "group")
    details = {"format": "conllu" if _is_conllu(first) else "conll", "comments": comments}
    read = partial(_read_conll, file, separator, width, group or "group")
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


def _read_conll(
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
            if words or line[0] != "#" or len(_split_line(line, separator)) == width:
                words.append((number, line))
        elif words and (not line.strip() or line.strip().startswith(_DOCUMENT)):
            yield group, words
            group, words = group if name.startswith(_GROUP_COMMENTS) else None, []
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
    parts = _split_line(line, separator)
    if len(parts) != width:
        reason = f"line {at} has {len(parts)} column(s), the first word {width}"
        raise RowMalformed(number, None, reason, _CONLL_ADVICE)
    return parts


def _split_line(line: str, separator: str | None) -> list[str]:
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


@dataclass(frozen=True)
class NormalisedTags:
    """Tags in BIO; `scheme` is what the file had, `changed` how many tags it took.

    Schemes: `BIO`, `IOB1` (B only between two entities of a type that touch), `BIOES` (BILOU and
    BMES too) and `plain`, tags such as parts of speech that mark no entities and stay as they are.
    """

    tags: list[list[str]]
    scheme: str
    changed: int


def normalise_tags(sentences: Sequence[NumberedTags], column: str) -> NormalisedTags:
    """Find the scheme and write all tags in BIO.

    Raises `RowMalformed`, naming row and word: where entities' tags stand among others, and in
    BIO where I- follows neither B- nor I- of its type.
    """
    prefixes = _prefixes(sentences)
    if not prefixes - {OUTSIDE}:
        return NormalisedTags([tags for _, tags in sentences], "plain", 0)
    _refuse_unknown_prefixes(sentences, column)
    scheme = "BIOES" if prefixes & set("ES") else _bio_or_iob1(sentences)
    if scheme == "BIO":
        _refuse_orphans(sentences, column)
    written = [_as_bio(tags) for _, tags in sentences]
    changed = sum(
        one != other
        for (_, tags), new in zip(sentences, written, strict=True)
        for one, other in zip(tags, new, strict=True)
    )
    return NormalisedTags(written, scheme, changed)


def count_entities(tagged: Sequence[Sequence[str]]) -> Counter[str]:
    """How many entities of each type there are in tags that are in BIO."""
    return Counter(tag[2:] for tags in tagged for tag in tags if tag.startswith("B-"))


def complete_labels(tagged: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The labels of a tagger for tags in BIO: O, then B- and I- of each type by name.

    Both of a type are there even where the rows have one alone, since other rows have the other.
    """
    types = sorted({tag[2:] for tags in tagged for tag in tags if tag != OUTSIDE})
    return OUTSIDE, *(f"{prefix}-{kind}" for kind in types for prefix in "BI")


def _prefixes(sentences: Sequence[NumberedTags]) -> set[str]:
    """The prefixes of tags that name a type; "B" alone is as likely a part of speech."""
    parts = [split_tag(tag) for _, tags in sentences for tag in tags if "-" in tag]
    return {part[0] for part in parts if part is not None}


def _refuse_unknown_prefixes(sentences: Sequence[NumberedTags], column: str) -> None:
    for row, tags in sentences:
        for place, tag in enumerate(tags, start=1):
            if split_tag(tag) is None or (tag != OUTSIDE and "-" not in tag):
                reason = f"the tag `{tag}` of word {place} is none of an entity"
                raise RowMalformed(row, column, reason, _SCHEME_ADVICE)


def _bio_or_iob1(sentences: Sequence[NumberedTags]) -> str:
    """IOB1 where entities begin with I, and with B right behind one of their own type alone."""
    orphans = any(_is_orphan(tags, i) for _, tags in sentences for i in range(len(tags)))
    needless = any(
        tag.startswith("B") and (i == 0 or _type(tags[i - 1]) != _type(tag))
        for _, tags in sentences
        for i, tag in enumerate(tags)
    )
    return "IOB1" if orphans and not needless else "BIO"


def _refuse_orphans(sentences: Sequence[NumberedTags], column: str) -> None:
    for row, tags in sentences:
        for i, tag in enumerate(tags):
            if _is_orphan(tags, i):
                before = f"`{tags[i - 1]}`" if i else "the start of the sentence"
                raise RowMalformed(
                    row, column, f"word {i + 1} has `{tag}` after {before}", _SCHEME_ADVICE
                )


def _is_orphan(tags: list[str], i: int) -> bool:
    return tags[i].startswith("I") and (i == 0 or _type(tags[i - 1]) != _type(tags[i]))


def _as_bio(tags: list[str]) -> list[str]:
    """An entity goes on where I or E follows B or I of its type; all others begin one."""
    written, before = [], (OUTSIDE, "")
    for tag in tags:
        part = split_tag(tag) or (OUTSIDE, "")
        goes_on = part[0] in ("I", "E") and before[0] in ("B", "I") and part[1] == before[1]
        written.append(tag if part[0] == OUTSIDE else f"{'I' if goes_on else 'B'}-{part[1]}")
        before = part
    return written


def _type(tag: str) -> str:
    return (split_tag(tag) or (OUTSIDE, ""))[1]
