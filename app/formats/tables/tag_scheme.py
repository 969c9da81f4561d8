"""Tags of entities as BIO, in which every entity begins with B, whatever scheme a file has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors.dataset_files import RowMalformed
from app.domain.tags import OUTSIDE, split_tag

Sentence = tuple[int, list[str]]  # number of the row, tags
_ADVICE = "Correct the tag: an entity begins with B- and goes on with I- of the same type."


@dataclass(frozen=True)
class Normalised:
    """Tags in BIO; `scheme` is what the file had, `changed` how many tags it took.

    Schemes: `BIO`, `IOB1` (B only between two entities of a type that touch), `BIOES` (BILOU and
    BMES too) and `plain`, tags such as parts of speech that mark no entities and stay as they are.
    """

    tags: list[list[str]]
    scheme: str
    changed: int


def normalise_tags(sentences: Sequence[Sentence], column: str) -> Normalised:
    """Find the scheme and write all tags in BIO.

    Raises `RowMalformed`, naming row and word: where entities' tags stand among others, and in
    BIO where I- follows neither B- nor I- of its type.
    """
    prefixes = _prefixes(sentences)
    if not prefixes - {OUTSIDE}:
        return Normalised([tags for _, tags in sentences], "plain", 0)
    _refuse_strangers(sentences, column)
    scheme = "BIOES" if prefixes & set("ES") else _bio_or_iob1(sentences)
    if scheme == "BIO":
        _refuse_orphans(sentences, column)
    written = [_as_bio(tags) for _, tags in sentences]
    changed = sum(
        one != other
        for (_, tags), new in zip(sentences, written, strict=True)
        for one, other in zip(tags, new, strict=True)
    )
    return Normalised(written, scheme, changed)


def count_entities(tagged: Sequence[Sequence[str]]) -> Counter[str]:
    """How many entities of each type there are in tags that are in BIO."""
    return Counter(tag[2:] for tags in tagged for tag in tags if tag.startswith("B-"))


def complete_labels(tagged: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The labels of a tagger for tags in BIO: O, then B- and I- of each type by name.

    Both of a type are there even where the rows have one alone, since other rows have the other.
    """
    types = sorted({tag[2:] for tags in tagged for tag in tags if tag != OUTSIDE})
    return OUTSIDE, *(f"{prefix}-{kind}" for kind in types for prefix in "BI")


def _prefixes(sentences: Sequence[Sentence]) -> set[str]:
    """The prefixes of tags that name a type; "B" alone is as likely a part of speech."""
    parts = [split_tag(tag) for _, tags in sentences for tag in tags if "-" in tag]
    return {part[0] for part in parts if part is not None}


def _refuse_strangers(sentences: Sequence[Sentence], column: str) -> None:
    for row, tags in sentences:
        for place, tag in enumerate(tags, start=1):
            if split_tag(tag) is None or (tag != OUTSIDE and "-" not in tag):
                reason = f"the tag `{tag}` of word {place} is none of an entity"
                raise RowMalformed(row, column, reason, _ADVICE)


def _bio_or_iob1(sentences: Sequence[Sentence]) -> str:
    """IOB1 where entities begin with I, and with B right behind one of their own type alone."""
    orphans = any(_is_orphan(tags, i) for _, tags in sentences for i in range(len(tags)))
    needless = any(
        tag.startswith("B") and (i == 0 or _type(tags[i - 1]) != _type(tag))
        for _, tags in sentences
        for i, tag in enumerate(tags)
    )
    return "IOB1" if orphans and not needless else "BIO"


def _refuse_orphans(sentences: Sequence[Sentence], column: str) -> None:
    for row, tags in sentences:
        for i, tag in enumerate(tags):
            if _is_orphan(tags, i):
                before = f"`{tags[i - 1]}`" if i else "the start of the sentence"
                raise RowMalformed(row, column, f"word {i + 1} has `{tag}` after {before}", _ADVICE)


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
