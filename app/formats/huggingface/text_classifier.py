"""A Hugging Face sequence classifier as a Network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor

from app.domain.enums import Task
from app.formats.huggingface.architecture import architecture
from app.formats.huggingface.classifier import PretrainedClassifier, Split
from app.formats.huggingface.embedding_rows import EmbeddingRows
from app.formats.huggingface.encoder import put_behind
from app.formats.huggingface.head_split import HeadSplit
from app.formats.huggingface.kept_head import KeptHead
from app.formats.huggingface.pooling import PoolingMode
from app.formats.huggingface.tokens import Tokens
from app.formats.huggingface.vocabulary import change_vocabulary, read_vocabulary
from app.learn.bridge import Bridge
from app.learn.bridgeable import Bridgeable
from app.learn.examples import Inputs, texts_of
from app.learn.network import Batch, Network
from app.learn.vocabulary import Vocabulary

# The first is the longer, so that the second is padded.
_PROBE = ["one two three four five six seven", "one"]


class TextClassifier(PretrainedClassifier, Bridgeable):
    """Any `AutoModelForSequenceClassification`; features are float (n, width).

    Its tokenizer goes along when it is saved. Features may pass a `bridge` before the head.
    """

    def __init__(self, model: Any, tokens: Tokens, labels: tuple[str, ...], source: Path) -> None:
        super().__init__(model, self.split(model.eval(), tokens), labels, source)
        self.tokens = tokens
        self.bridge: Bridge | None = None
        self._rows = EmbeddingRows(model)

    @staticmethod
    def split(model: Any, tokens: Tokens) -> Split:
        """Where the model's body ends and its head begins."""
        return HeadSplit(model, tokens.batch(_PROBE), tokens.pad_id)

    @property
    def width(self) -> int:
        """Numbers in the features of a text."""
        return self._split.width

    @property
    def pooled_by(self) -> PoolingMode | None:
        """How features come from the body's tokens; None where they are not one token's."""
        return self._split.pooled_by if isinstance(self._split, HeadSplit) else None

    @property
    def unit_features(self) -> bool:
        """Whether features have length 1: a classifier's own need not."""
        return self.bridge is not None and self.bridge.normalize

    def features(self, batch: Batch) -> Tensor:
        """What enters the head: float (n, width)."""
        features = super().features(batch)
        return features if self.bridge is None else self.bridge(features)

    def forward(self, batch: Batch) -> Tensor:
        """Logits float32 (n, classes); without a bridge in the model's own single pass."""
        if self.bridge is None:
            return super().forward(batch)
        return self.head(self.features(batch))

    @property
    def is_reentrant(self) -> bool:
        """Features are caught on their way through the model, one batch at a time."""
        return self.bridge is None

    def behind(self, encoder: Network, bridge: Bridge) -> Network:
        """This network's head behind `encoder` and `bridge`; raises CompanionNoEncoder."""
        if not isinstance(self._split, HeadSplit):
            raise TypeError("a head for words reads no sentence vectors")
        return put_behind(encoder, bridge, KeptHead.of(self.model, self._split), self)

    def reset(self) -> None:
        """Draw every parameter anew; the languages' means are forgotten."""
        super().reset()
        if self.bridge is not None:
            self.bridge.reset()

    def collate(self, inputs: Inputs) -> Batch:
        """Token ids and masks, int64 (n, longest)."""
        return self.tokens.batch(texts_of(inputs))

    def lengths(self, inputs: Inputs) -> list[int]:
        """Tokens of each text."""
        return self.tokens.lengths(texts_of(inputs))

    def tokens_lost(self, inputs: Inputs) -> list[int]:
        """Tokens of each text behind the last one that is read; a tagger reads all."""
        per_word = self.task is Task.TOKEN_CLASSIFICATION
        return [0] * len(inputs) if per_word else self.tokens.lost(texts_of(inputs))

    def padded_length(self, length: int) -> int:
        """By the tokenizer."""
        return self.tokens.padded_length(length)

    def body_settings(self) -> str:
        """Architecture and tokenizer."""
        bridged = "" if self.bridge is None else self.bridge.settings()
        return f"classifier {architecture(self.model)} {self.tokens.settings()} {bridged}"

    def prepare_training(self, inputs: Inputs) -> None:
        """Train only the embedding rows that `inputs` touch."""
        self._rows.set_apart(self.tokens, texts_of(inputs))

    def finish_training(self) -> None:
        """Put the trained embedding rows back among the others."""
        self._rows.put_back()

    def vocabulary(self) -> Vocabulary:
        """The tokenizer and the embedding as they are; raises `EmbeddingUnsupported`."""
        return read_vocabulary(self.model, self.tokens, self.source)

    def change_vocabulary(
        self, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str] | None = None
    ) -> None:
        """Read by `tokenizer` from now on; `rows` float32 (ids, width)."""
        self.tokens = change_vocabulary(self.model, self.tokens, tokenizer, rows, renamed or {})
        self._split = self.split(self.model, self.tokens)

    def token_states(self, batch: Batch) -> Tensor:
        """The body's answer for each token, float32 (n, tokens, width)."""
        states: Tensor = self.model.base_model(**batch).last_hidden_state
        return states.float()
