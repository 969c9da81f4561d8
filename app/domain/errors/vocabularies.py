"""Errors about tokenizers and embeddings that a method is asked to change."""

from __future__ import annotations

from app.domain.errors import TransferFailed


class EmbeddingUnsupported(TransferFailed):
    """The network has no table with one row for each token."""

    code = "embedding-unsupported"

    def __init__(self, architecture: str) -> None:
        super().__init__(
            f"The network ({architecture}) has no embedding with one row for each token.",
            "Use a method that leaves the vocabulary as it is: fine-tune, joint or bridge.",
            architecture=architecture,
        )


class TokenizerUnsupported(TransferFailed):
    """The tokenizer is of a kind, or laid out in a way, that cannot be changed soundly."""

    code = "tokenizer-unsupported"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The model's tokenizer cannot be changed: {reason}.",
            "Unigram, WordPiece and BPE tokenizers in a tokenizer.json can be.",
            reason=reason,
        )


class TooFewRowsKept(TransferFailed):
    """The number of rows asked for has no room for what must stay."""

    code = "too-few-rows-kept"

    def __init__(self, asked: int, needed: int) -> None:
        super().__init__(
            f"{asked} rows are too few: {needed} must stay, for special tokens, single "
            "characters of the languages' scripts and what they are made of.",
            f"Ask for at least {needed} `rows`, or name fewer `scripts`.",
            asked=asked,
            needed=needed,
        )
