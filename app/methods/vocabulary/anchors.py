"""The rows of a new vocabulary that are known from the start: shared tokens and a dictionary."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from app.learn.pairs import Pairs
from app.learn.vocabulary import Vocabulary
from app.methods.tokenizer_description import unknown_id
from app.methods.vocabulary.canonical import spellings
from app.methods.vocabulary.new_rows import Anchors


@dataclass
class Translations:
    """Which source ids stand for each target id, and how the dictionary's pairs were used."""

    whole: dict[int, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[int, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    used: int = 0
    unknown_source: int = 0
    unknown_target: int = 0


def find_anchors(
    source: Vocabulary, target: Tokenizer, dictionary: Pairs | None, special: dict[str, str]
) -> tuple[Anchors, Translations]:
    """Rows float32 (size, width) of all tokens that something is known of; others are zero.

    `special` gives, for special tokens of the source, their names in `target`. In this order: a
    special token has the row of its counterpart; a word of the dictionary the mean of its
    translations' rows; a token that the source spells alike has that row (so a word spelled
    alike that means another thing is put right by the dictionary); a part of dictionary words the
    mean of what these words have.
    """
    size = target.get_vocab_size(with_added_tokens=True)
    rows, known = torch.zeros(size, source.rows.shape[1]), np.zeros(size, dtype=bool)
    translations = _translate(source, target, dictionary)
    mine, theirs = source.tokenizer.get_vocab(), target.get_vocab()
    counterparts = {theirs[new]: [[mine[old]]] for old, new in special.items()}
    shared = {id: [[old]] for id, old in _shared(source.tokenizer, target).items()}
    origins: dict[str, int] = {}
    for name, found in (
        ("special", counterparts),
        ("dictionary", translations.whole),
        ("shared", shared),
        ("dictionary_parts", translations.parts),
    ):
        fresh = [id for id in found if not known[id]]
        for id in fresh:
            rows[id] = _mean(source.rows, found[id])
            known[id] = True
        origins[name] = len(fresh)
    return Anchors(rows, known, origins), translations


def _shared(source: Tokenizer, target: Tokenizer) -> dict[int, int]:
    """For ids of `target` that `source` spells alike, its id; one of the same name comes first."""
    mine, theirs = spellings(source), spellings(target)
    by_spelling = {text: id for id, text in enumerate(mine) if text}
    by_name = source.get_vocab()
    found = {id: by_spelling[text] for id, text in enumerate(theirs) if text in by_spelling}
    for name, id in target.get_vocab().items():
        if name in by_name and mine[by_name[name]] == theirs[id]:
            found[id] = by_name[name]
    return found


def spell_rest(anchors: Anchors, source: Vocabulary, target: Tokenizer) -> Anchors:
    """Give tokens without a row the mean of the source pieces that spell them, if any do."""
    texts = spellings(target)
    wanting = [id for id in np.flatnonzero(~anchors.known) if texts[id].strip()]
    unknown = _unknown(source.tokenizer)
    rows, known, count = anchors.rows.clone(), anchors.known.copy(), 0
    encoded = source.tokenizer.encode_batch(
        [texts[id].strip() for id in wanting], add_special_tokens=False
    )
    for id, one in zip(wanting, encoded, strict=True):
        if one.ids and unknown not in one.ids:
            rows[id] = _mean(source.rows, [one.ids])
            known[id] = True
            count += 1
    return Anchors(rows, known, anchors.origins | {"spelled": count})


def _translate(source: Vocabulary, target: Tokenizer, dictionary: Pairs | None) -> Translations:
    found = Translations()
    if dictionary is None:
        return found
    unknown = (_unknown(source.tokenizer), _unknown(target))
    mine = source.tokenizer.encode_batch(list(dictionary.source), add_special_tokens=False)
    theirs = target.encode_batch(list(dictionary.target), add_special_tokens=False)
    for one, other in zip(mine, theirs, strict=True):
        no_source = not one.ids or unknown[0] in one.ids
        no_target = not other.ids or unknown[1] in other.ids
        found.unknown_source += no_source
        found.unknown_target += no_target
        if no_source or no_target:
            continue
        found.used += 1
        place = found.whole if len(other.ids) == 1 else found.parts
        for id in other.ids:
            place[id].append(one.ids)
    return found


def _mean(rows: Tensor, translations: list[list[int]]) -> Tensor:
    """The mean over translations of the mean over each one's tokens."""
    return torch.stack([rows[ids].mean(dim=0) for ids in translations]).mean(dim=0)


def _unknown(tokenizer: Tokenizer) -> int | None:
    return unknown_id(json.loads(tokenizer.to_str()), tokenizer.get_vocab())
