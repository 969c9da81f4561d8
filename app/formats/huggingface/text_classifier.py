"""A Hugging Face sequence classifier as a Network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from app.formats.huggingface.embedding_rows import EmbeddingRows
from app.formats.huggingface.head_split import HeadSplit
from app.formats.huggingface.tokens import Tokens
from app.learn.examples import Inputs
from app.learn.network import Batch, Network

# The first is the longer, so that the second is padded.
_PROBE = ["one two three four five six seven", "one"]


class TextClassifier(Network):
    """Any `AutoModelForSequenceClassification`; features are float (n, width).

    `source` is the directory it came from: its tokenizer goes along when it is saved.
    """

    def __init__(self, model: Any, tokens: Tokens, labels: tuple[str, ...], source: Path) -> None:
        super().__init__()
        self.model = model.eval()
        self.tokens = tokens
        self.labels = labels
        self.source = source
        self._split = HeadSplit(model, tokens.batch(_PROBE), tokens.pad_id)
        self._rows = EmbeddingRows(model)

    def collate(self, inputs: Inputs) -> Batch:
        """Token ids and masks, int64 (n, longest)."""
        return self.tokens.batch(list(inputs))

    def lengths(self, inputs: Inputs) -> list[int]:
        """Tokens of each text."""
        return self.tokens.lengths(list(inputs))

    def features(self, batch: Batch) -> Tensor:
        """What enters the head: float (n, width)."""
        return self._split.features(batch)

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes)."""
        return self._split.head(features).float()

    def forward(self, batch: Batch) -> Tensor:
        """Logits float32 (n, classes), in one pass through the model's own `forward`."""
        logits: Tensor = self.model(**batch).logits
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """What lies outside the model's body."""
        return self._split.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """Refused: a classifier has its head."""
        raise ValueError("This network has a head already.")

    def reset(self) -> None:
        """Draw every parameter anew, as the model's own class initialises them."""
        self.model.load_state_dict(type(self.model)(self.model.config).state_dict())

    def prepare_training(self, inputs: Inputs) -> None:
        """Train only the embedding rows that `inputs` touch."""
        self._rows.set_apart(self.tokens, list(inputs))

    def finish_training(self) -> None:
        """Put the trained embedding rows back among the others."""
        self._rows.put_back()
