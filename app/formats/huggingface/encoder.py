"""A plain Hugging Face text encoder, with a linear head or without, as a Network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from app.formats.huggingface.architecture import architecture
from app.formats.huggingface.embedding_rows import EmbeddingRows
from app.formats.huggingface.head_file import HeadFile
from app.formats.huggingface.tokens import Tokens
from app.formats.huggingface.vocabulary import change_vocabulary, read_vocabulary
from app.learn.examples import Inputs, texts_of
from app.learn.network import Batch, Network
from app.learn.vocabulary import Vocabulary


class Encoder(Network):
    """Any `AutoModel` of texts; features are its tokens pooled to float (n, width).

    `description` says how to pool, and names the labels where there is a head; `source` is the
    directory it came from: its tokenizer goes along when it is saved.
    """

    def __init__(
        self, model: Any, tokens: Tokens, description: HeadFile, width: int, source: Path
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.tokens = tokens
        self.description = description
        self.width = width
        self.source = source
        self.labels = ()
        self.classifier: nn.Linear | None = None
        self._rows = EmbeddingRows(model)
        if description.labels:
            self.add_head(description.labels)

    def collate(self, inputs: Inputs) -> Batch:
        """Token ids and masks, int64 (n, longest)."""
        return self.tokens.batch(texts_of(inputs))

    def lengths(self, inputs: Inputs) -> list[int]:
        """Tokens of each text."""
        return self.tokens.lengths(texts_of(inputs))

    def features(self, batch: Batch) -> Tensor:
        """Sentence vectors float32 (n, width)."""
        tokens: Tensor = self.model(**batch).last_hidden_state.float()
        vectors = tokens[:, 0]
        if self.description.pooling == "mean":
            mask = batch["attention_mask"].unsqueeze(-1).to(tokens.dtype)
            vectors = (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)
        return functional.normalize(vectors, dim=-1) if self.description.normalize else vectors

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes); RuntimeError without a head."""
        if self.classifier is None:
            raise RuntimeError("A plain encoder has no head until `add_head` ran.")
        logits: Tensor = self.classifier(features)
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The linear head's weight and bias; nothing without a head."""
        return iter(()) if self.classifier is None else self.classifier.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """A fresh linear head for `labels`; ValueError when there is one already."""
        if self.classifier is not None:
            raise ValueError("This network has a head already.")
        device = next(self.model.parameters()).device
        self.classifier = nn.Linear(self.width, len(labels), device=device)
        self.labels = labels

    def reset(self) -> None:
        """Draw every parameter anew, as the model's own class initialises them."""
        fresh = type(self.model)(self.model.config).state_dict()
        self.model.load_state_dict({name: fresh[name] for name in self.model.state_dict()})
        if self.classifier is not None:
            self.classifier.reset_parameters()

    def padded_length(self, length: int) -> int:
        """By the tokenizer."""
        return self.tokens.padded_length(length)

    def body_settings(self) -> str:
        """Architecture, tokenizer and pooling."""
        pooled = self.description.model_dump_json(exclude={"labels"})
        return f"encoder {architecture(self.model)} {self.tokens.settings()} {pooled}"

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

    def token_states(self, batch: Batch) -> Tensor:
        """The body's answer for each token, float32 (n, tokens, width)."""
        states: Tensor = self.model(**batch).last_hidden_state
        return states.float()
