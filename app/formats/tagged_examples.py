"""From a canonical table of tagged sentences to the rows that a tagger learns from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.domain.datasets import DatasetFacts
from app.domain.errors.datasets import LabelUnknownToModel
from app.domain.tags import split_tag
from app.formats.tables.canonical_tags import read_tagged_rows
from app.learn.examples import NO_WORD, Examples


def load_tagged(
    canonical: Path, facts: DatasetFacts, labels: tuple[str, ...], mapping: Mapping[str, str]
) -> Examples:
    """All sentences, tags as positions in the model's `labels`, in the model's own scheme.

    The table's tags are BIO; a model with labels for the end and for a single word of an entity
    (BIOES, BILOU) gets those. Raises `LabelUnknownToModel`, naming the first row of each such tag.
    """
    rows = list(read_tagged_rows(canonical))
    position = {label: i for i, label in enumerate(labels)}
    targets = np.full((len(rows), max((len(row.tags) for row in rows), default=0)), NO_WORD)
    unknown: dict[str, int] = {}
    for i, row in enumerate(rows):
        tags = [rename_tag(tag, mapping) for tag in row.tags]
        for j, tag in enumerate(in_scheme_of(labels, tags)):
            if tag not in position:
                unknown.setdefault(tag, row.row)
            targets[i, j] = position.get(tag, NO_WORD)
    if unknown:
        raise LabelUnknownToModel(unknown, labels)
    return Examples(
        inputs=[tuple(row.words) for row in rows],
        targets=targets.astype(np.int64),
        rows=np.array([row.row for row in rows], dtype=np.int64),
        groups=tuple(row.group or "" for row in rows) if facts.grouped else None,
    )


def rename_tag(tag: str, mapping: Mapping[str, str]) -> str:
    """The tag as `mapping` renames it: as a whole (B-PERSON), or by its entity type (PERSON)."""
    if tag in mapping:
        return mapping[tag]
    part = split_tag(tag)
    if part is None or part[1] not in mapping:
        return tag
    return f"{part[0]}-{mapping[part[1]]}"


def in_scheme_of(labels: tuple[str, ...], tags: list[str]) -> list[str]:
    """BIO tags as a model writes them whose labels are these."""
    letters = _letters(labels)
    written = with_ends(tags, *letters) if letters else tags
    if not any(label.startswith("M-") for label in labels):
        return written
    return [f"M{tag[1:]}" if tag.startswith("I-") else tag for tag in written]


def with_ends(tags: list[str], end: str, single: str) -> list[str]:
    """BIO tags in a scheme whose entities' last words have a letter of their own."""
    written = []
    for i, tag in enumerate(tags):
        goes_on = i + 1 < len(tags) and tags[i + 1] == f"I{tag[1:]}"
        begins = tag.startswith("B-")
        if not goes_on and (begins or tag.startswith("I-")):
            tag = f"{single if begins else end}{tag[1:]}"
        written.append(tag)
    return written


def _letters(labels: tuple[str, ...]) -> tuple[str, str] | None:
    """The letters for the end and the single word of an entity, where the labels have such."""
    first = {label[0] for label in labels if label[1:2] == "-"}
    if first & {"E", "S"}:
        return "E", "S"
    return ("L", "U") if first & {"L", "U"} else None
