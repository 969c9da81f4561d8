"""Trains a tokenizer of the source model's kind on target texts, the same one every time."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer

from app.domain.errors.vocabularies import TokenizerUnsupported, TooLittleText
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.vocabulary import Vocabulary
from app.methods.tokenizer_description import post_processor_ids, renumbered, unknown_id
from app.methods.vocabulary.find_pieces import find_pieces
from app.methods.vocabulary.score_pieces import score_pieces

_MOST = 16_000


def train_tokenizer(
    source: Vocabulary, texts: list[str], pieces: int | None, monitor: Monitor
) -> Tokenizer:
    """A tokenizer like the source's, with its special tokens, for the language of `texts`.

    It has `pieces` tokens, or with None what the texts yield up to 16,000. Raises `TooLittleText`
    where they yield fewer, and `TokenizerUnsupported`.
    """
    description = json.loads(source.tokenizer.to_str())
    kind = description["model"]["type"]
    if kind not in ("Unigram", "WordPiece", "BPE"):
        raise TokenizerUnsupported(f"its kind is {kind}")
    special = special_tokens(source)
    size = (pieces or _MOST) - len(special)
    part = Portion(monitor, 0.0, 0.7 if kind == "Unigram" else 1.0)
    found, merges = find_pieces(source.tokenizer, description, texts, size, part)
    names = [*special, *(name for name in found if name not in special)]
    if pieces is not None and len(names) < pieces:
        raise TooLittleText(len(names), pieces)
    if kind != "Unigram":
        return _built(description, names, merges, None)

    def with_scores(scores: list[float]) -> Tokenizer:
        return _built(description, names, merges, scores)

    return score_pieces(names, len(special), with_scores, texts, Portion(monitor, 0.7, 1.0))


def special_tokens(source: Vocabulary) -> list[str]:
    """The tokens that stand for no text, in the order of their ids."""
    tokenizer = source.tokenizer
    description = json.loads(tokenizer.to_str())
    ids = {token["id"] for token in description["added_tokens"] if token["special"]}
    ids |= set(source.named.values()) | post_processor_ids(description["post_processor"])
    unknown = unknown_id(description, tokenizer.get_vocab())
    ids |= set() if unknown is None else {unknown}
    return [name for id in sorted(ids) if (name := tokenizer.id_to_token(id)) is not None]


def _built(
    description: dict[str, Any], names: list[str], merges: list[Any], scores: list[float] | None
) -> Tokenizer:
    """`description` with other pieces, numbered by their place in `names`."""
    before = Tokenizer.from_str(json.dumps(description))
    number = {name: place for place, name in enumerate(names)}
    moved = {old: number[name] for name, old in before.get_vocab().items() if name in number}
    model = description["model"]
    changed: dict[str, Any] = {"vocab": number}
    if model["type"] == "BPE":
        changed["merges"] = merges
    if scores is not None:
        unknown = model.get("unk_id")
        changed = {
            "vocab": [list(piece) for piece in zip(names, scores, strict=True)],
            "unk_id": None if unknown is None else moved[unknown],
        }
    added = [
        token | {"id": number[token["content"]]}
        for token in description["added_tokens"]
        if token["special"]
    ]
    made = {
        "model": model | changed,
        "added_tokens": added,
        "post_processor": renumbered(description.get("post_processor"), moved),
    }
    return Tokenizer.from_str(json.dumps(description | made))
