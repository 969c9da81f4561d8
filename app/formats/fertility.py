"""Token fertility: into how many pieces a model's tokenizer cuts the words of a dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Encoding, Tokenizer

from app.domain.errors.datasets import TokenizerMissing
from app.formats.tables.even_sample import even_sample

_SAMPLE = 2000
_FILE = "tokenizer.json"


def token_fertility(texts: Sequence[str], folder: Path) -> dict[str, Any]:
    """Tokens per word and per character of at least one text, and the share of unknown tokens.

    `folder` is an unpacked model; at most 2,000 texts, evenly spread, are cut. Words are parts
    between white space, so for a script without spaces only the number per character tells.
    About 1.2 to 1.5 tokens a word is usual for a language that the tokenizer was made for; 3 and
    more say that it was not (Rust et al., 2021, "How Good is Your Tokenizer?"). Raises
    `TokenizerMissing`.
    """
    file = folder / _FILE
    if not file.is_file():
        raise TokenizerMissing
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    sample = even_sample(texts, _SAMPLE)
    encoded = tokenizer.encode_batch(sample, add_special_tokens=False)
    tokens = sum(len(one.ids) for one in encoded)
    unknown = _unknown_id(tokenizer)
    return {
        "sampled": len(sample),
        "tokens_per_word": round(tokens / max(sum(len(text.split()) for text in sample), 1), 4),
        "tokens_per_character": round(tokens / max(sum(len(text) for text in sample), 1), 4),
        "unknown_share": round(_count(encoded, unknown) / max(tokens, 1), 4),
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
