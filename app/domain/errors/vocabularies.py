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


class TooLittleText(TransferFailed):
    """The texts do not hold as many pieces as the tokenizer is to have."""

    code = "too-little-text"

    def __init__(self, found: int, asked: int) -> None:
        super().__init__(
            f"The texts yield a tokenizer of {found} tokens; {asked} were asked for.",
            f"Give more `unlabelled` text, or ask for at most {found} `pieces`.",
            found=found,
            asked=asked,
        )


class SpecialTokensDiffer(TransferFailed):
    """The companion's tokenizer lacks a token that the network needs."""

    code = "special-tokens-differ"

    def __init__(self, token: str) -> None:
        super().__init__(
            f"The companion's tokenizer has nothing that stands for {token!r}.",
            "Name a companion that puts the same kinds of special tokens around a text and has a "
            "padding token, or none: then a tokenizer is trained on the unlabelled text.",
            token=token,
        )
