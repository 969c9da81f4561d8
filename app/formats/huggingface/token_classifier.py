"""A Hugging Face token classifier as a Network."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from app.domain.enums import Task
from app.formats.huggingface.text_classifier import TextClassifier
from app.formats.huggingface.tokens import Tokens
from app.formats.huggingface.word_head import WordHead
from app.formats.huggingface.words import word_batch, words_of
from app.learn.examples import Inputs
from app.learn.network import Batch

_PROBE = [("one", "two", "three"), ("one",)]


class TokenClassifier(TextClassifier):
    """Any `AutoModelForTokenClassification`; features are float (n, words, width).

    A word is answered for by the first of its tokens, as is usual since BERT (Devlin et al.,
    2019).
    """

    task = Task.TOKEN_CLASSIFICATION

    @staticmethod
    def split(model: Any, tokens: Tokens) -> WordHead:
        """The linear layer behind the body."""
        return WordHead(model, word_batch(tokens, _PROBE))

    @property
    def is_reentrant(self) -> bool:
        """Vectors of words are caught on their way through the model, one batch at a time."""
        return False

    def collate(self, inputs: Inputs) -> Batch:
        """Token ids and masks, and the places of the words' first tokens."""
        return word_batch(self.tokens, words_of(inputs))

    def forward(self, batch: Batch) -> Tensor:
        """Logits float32 (n, words, classes)."""
        return self.head(self.features(batch))
