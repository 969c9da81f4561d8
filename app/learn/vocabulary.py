"""What a text network reads by: its tokenizer, and one embedding row for each token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from torch import Tensor

from app.learn.network import Batch

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and the rows that its ids stand for.

    `tokenizer` is a copy that neither cuts nor pads; `rows`: the embedding's own parameter,
    float32 (ids, width), at least one for each of its ids; `prefix` stands before each text;
    `named` are the ids that the network itself knows by name (`pad_token_id`, for instance). In
    the network's file a number takes `number_bytes`.
    """

    tokenizer: Tokenizer
    rows: Tensor
    prefix: str
    named: dict[str, int]
    number_bytes: int = 4


@runtime_checkable
class ReadsTokens(Protocol):
    """A Network whose vocabulary can be looked at and changed."""

    def vocabulary(self) -> Vocabulary:
        """The tokenizer and the embedding as they are; ValueError where no embedding has rows."""

    def change_vocabulary(
        self, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str] | None = None
    ) -> None:
        """Read by `tokenizer` from now on, with `rows` float32 (ids, width) for its ids.

        `renamed` gives the new names of special tokens that are called otherwise in it. Such a
        network is saved with this tokenizer.
        """

    def token_states(self, batch: Batch) -> Tensor:
        """The body's answer for each token, float32 (n, tokens, width)."""
