"""A plain Hugging Face text encoder, with a linear head or without, as a Network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from app.domain.enums import Task
from app.domain.errors.bridging import CompanionNoEncoder
from app.formats.huggingface.architecture import architecture
from app.formats.huggingface.embedding_rows import EmbeddingRows
from app.formats.huggingface.head_file import HeadFile
from app.formats.huggingface.kept_head import KeptHead
from app.formats.huggingface.pooling import DenseLayers, pool
from app.formats.huggingface.tokens import Tokens
from app.formats.huggingface.vocabulary import change_vocabulary, read_vocabulary
from app.learn.bridge import Bridge
from app.learn.bridgeable import Bridgeable
from app.learn.examples import Inputs, texts_of
from app.learn.headed_network import HeadedNetwork
from app.learn.network import Batch, Network
from app.learn.vocabulary import Vocabulary


class Encoder(HeadedNetwork, Bridgeable):
    """Any `AutoModel` of texts; features are its tokens pooled to float (n, width).

    `description` says how to pool, and names the labels where there is a head; `source` is the
    directory it came from: its tokenizer goes along when it is saved. The vectors may pass a
    `bridge` into the space of another encoder's head, which then is `kept` where it is more than
    a linear layer.
    """

    def __init__(
        self,
        model: Any,
        tokens: Tokens,
        description: HeadFile,
        source: Path,
        bridge: Bridge | None = None,
        kept: KeptHead | None = None,
        dense: DenseLayers | None = None,
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.tokens = tokens
        self.description = description
        self.dense = dense
        self.bridge = bridge
        self.source = source
        self.labels = description.labels if kept else ()
        self.classifier: nn.Linear | KeptHead | None = kept
        self._rows = EmbeddingRows(model)
        if description.labels and kept is None:
            self.add_head(description.labels)

    @property
    def width(self) -> int:
        """Numbers in a sentence vector, as the head reads it."""
        if self.bridge is not None and self.bridge.linear is not None:
            return self.bridge.linear.out_features
        return pooled_width(self.model, self.description)

    @property
    def unit_features(self) -> bool:
        """Whether what the head reads has length 1."""
        return self.description.normalize if self.bridge is None else self.bridge.normalize

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

    def features(self, batch: Batch) -> Tensor:
        """Sentence vectors float32 (n, width)."""
        tokens: Tensor = self.model(**batch).last_hidden_state.float()
        vectors = pool(tokens, batch["attention_mask"], self.description.modes)
        vectors = vectors if self.dense is None else self.dense(vectors)
        vectors = functional.normalize(vectors, dim=-1) if self.description.normalize else vectors
        return vectors if self.bridge is None else self.bridge(vectors)

    def reset(self) -> None:
        """Draw every parameter anew, as the model's own class initialises them."""
        fresh = type(self.model)(self.model.config).state_dict()
        self.model.load_state_dict({name: fresh[name] for name in self.model.state_dict()})
        if self.dense is not None:
            self.dense.reset_parameters()
        if self.bridge is not None:
            self.bridge.reset()
        if self.classifier is not None:
            self.classifier.reset_parameters()

    def padded_length(self, length: int) -> int:
        """By the tokenizer."""
        return self.tokens.padded_length(length)

    def body_settings(self) -> str:
        """Architecture, tokenizer and pooling."""
        pooled = self.description.model_dump_json(exclude={"labels", "reads"})
        bridged = "" if self.bridge is None else self.bridge.settings()
        return f"encoder {architecture(self.model)} {self.tokens.settings()} {pooled} {bridged}"

    def behind(self, encoder: Network, bridge: Bridge) -> Network:
        """This network's head behind `encoder` and `bridge`; raises CompanionNoEncoder."""
        return put_behind(encoder, bridge, self.classifier, self)

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


def pooled_width(model: Any, description: HeadFile) -> int:
    """Numbers in a vector of `model` as `description` pools it, before a bridge."""
    if description.dense:
        return description.dense[-1].out_features
    return len(description.modes) * int(model.config.get_text_config().hidden_size)


def put_behind(
    encoder: Network, bridge: Bridge, head: nn.Linear | KeptHead | None, of: Network
) -> Encoder:
    """`head`, with the labels of the network it is `of`, behind `encoder` and `bridge`."""
    if not isinstance(encoder, Encoder):
        raise CompanionNoEncoder(type(encoder).__name__)
    kept = head if isinstance(head, KeptHead) else None
    told = {"labels": of.labels, "reads": kept.reads if kept else {}}
    description = encoder.description.model_copy(update=told)
    made = Encoder(
        encoder.model, encoder.tokens, description, encoder.source, bridge, kept, encoder.dense
    )
    made.classifier = head
    made.task, made.thresholds = of.task, of.thresholds
    return made
