"""Errors about aligning the word vectors of two languages."""

from __future__ import annotations

from app.domain.errors import TransferFailed


class DictionaryTooSmall(TransferFailed):
    """Too few pairs of words are in both vocabularies to fit a map."""

    code = "dictionary-too-small"

    def __init__(
        self, usable: int, needed: int, given: int, missing_source: int, missing_target: int
    ) -> None:
        super().__init__(
            f"Of {given} pairs of words, {usable} are left to fit a map, and it needs {needed}: "
            f"{missing_source} words are not among the source vectors, {missing_target} not "
            "among the target vectors.",
            "Give more pairs, or vectors that know these words; `self_learning` makes do with "
            "fewer, and `seed_dictionary` can be `identical` or `unsupervised`.",
            usable=usable,
            needed=needed,
            given=given,
            missing_source=missing_source,
            missing_target=missing_target,
        )


class DictionaryMissing(TransferFailed):
    """The parameters ask for a dictionary, and none was given."""

    code = "dictionary-missing"

    def __init__(self) -> None:
        super().__init__(
            "`seed_dictionary` is `dictionary`, but there is no dataset for the role dictionary.",
            "Give word pairs for that role, or choose `identical` or `unsupervised`.",
        )
