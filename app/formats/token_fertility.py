"""Token fertility: into how many tokens a model's tokenizer cuts the words of a dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from app.domain.errors.transfers import TokenizerMissing
from app.domain.models import TextInput
from app.formats.dataset_report import even_sample

_SAMPLE_SIZE = 2000
_NOTABLE_SHARE = 0.01  # of the texts
_TOKENIZER_FILE = "tokenizer.json"


def token_fertility(
    texts: Sequence[str], folder: Path, limit: TextInput | None = None
) -> dict[str, Any]:
    """Tokens per word and per character of at least one text, and the share of unknown tokens.

    With `limit`, what a model reads of a text, also the share of texts that are longer
    (`truncated_share`), and of all their tokens the share that is cut off (`lost_share`).
    `folder` is an unpacked model; at most 2,000 texts, evenly spread, are cut. Words are parts
    between white space, so for a script without spaces only the number per character tells.
    About 1.2 to 1.5 tokens a word is usual for a language that the tokenizer was made for; 3 and
    more say that it was not (Rust et al., 2021, "How Good is Your Tokenizer?"). Raises
    `TokenizerMissing`.
    """
    file = folder / _TOKENIZER_FILE
    if not file.is_file():
        raise TokenizerMissing
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    sample = even_sample(texts, _SAMPLE_SIZE)
    encoded = tokenizer.encode_batch(sample, add_special_tokens=False)
    tokens = sum(len(one.ids) for one in encoded)
    unknown = _unknown_id(tokenizer)
    truncation = {} if limit is None else _truncation(tokenizer, encoded, limit)
    return {
        "sampled": len(sample),
        "tokens_per_word": round(tokens / max(sum(len(text.split()) for text in sample), 1), 4),
        "tokens_per_character": round(tokens / max(sum(len(text) for text in sample), 1), 4),
        "unknown_share": round(_count(encoded, unknown) / max(tokens, 1), 4),
        **truncation,
    }


def truncation_sentence(truncation: dict[str, Any]) -> str | None:
    """What to know where more than one text in a hundred is cut; None otherwise."""
    if truncation["truncated_share"] < _NOTABLE_SHARE:
        return None
    return (
        f"{truncation['truncated_share']:.1%} of the texts are longer than the "
        f"{truncation['max_tokens']} tokens that the model reads: {truncation['lost_share']:.1%} "
        "of all tokens are cut off and play no part."
    )


def _truncation(tokenizer: Tokenizer, encoded: list[Encoding], limit: TextInput) -> dict[str, Any]:
    prefix = len(tokenizer.encode(limit.prefix.rstrip(), add_special_tokens=False).ids)
    room = max(0, limit.max_tokens - prefix - tokenizer.num_special_tokens_to_add(False))
    lengths = [len(one.ids) for one in encoded]
    lost = [max(0, length - room) for length in lengths]
    return {
        "max_tokens": limit.max_tokens,
        "truncated_share": round(sum(map(bool, lost)) / len(lost), 4),
        "lost_share": round(sum(lost) / max(sum(lengths), 1), 4),
    }


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    """WordPiece, BPE and word level name their unknown token, Unigram numbers it."""
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_token") is not None:
        return tokenizer.token_to_id(model["unk_token"])
    number: int | None = model.get("unk_id")
    return number


def _count(encoded: list[Encoding], token: int | None) -> int:
    return 0 if token is None else sum(one.ids.count(token) for one in encoded)
