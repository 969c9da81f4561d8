"""Hugging Face classifiers of texts, images and words as Networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from app.domain.enums import Task
from app.formats.huggingface.encoder import (
    EmbeddingRows,
    Encoder,
    TokenizedNetwork,
    describe_architecture,
    put_behind,
)
from app.formats.huggingface.head_files import KeptHead
from app.formats.huggingface.head_split import HeadSplit, WordHead
from app.formats.huggingface.image_processor import ImageProcessor
from app.formats.huggingface.sentence_transformers import PoolingMode
from app.formats.huggingface.tokenizer import (
    FIRST_TOKENS,
    TextTokenizer,
    checked_words,
    word_batch,
    word_vectors,
)
from app.learn.bridge import Bridge, Bridgeable
from app.learn.data.examples import Inputs
from app.learn.network import Batch, Network

# The first is the longer, so that the second is padded.
_TEXT_PROBE = ["one two three four five six seven", "one"]
_WORD_PROBE = [("one", "two", "three"), ("one",)]


class ClassifierSplit(Protocol):
    """A model as `features`, vectors of `width` numbers, and `head` with its `parameters`."""

    @property
    def width(self) -> int:
        """Numbers in a vector of the features."""

    def features(self, batch: Batch) -> Tensor:
        """What the head reads."""

    def head(self, features: Tensor) -> Tensor:
        """Logits from what `features` gives."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters outside the body."""


class PretrainedClassifier(Network):
    """A transformers model cut into a body and a head; features are float (n, width).

    `source` is the directory it came from: what stands beside the weights goes along on saving.
    """

    def __init__(
        self, model: Any, split: ClassifierSplit, labels: tuple[str, ...], source: Path
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.labels = labels
        self.source = source
        self._split = split

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


class TextClassifier(TokenizedNetwork, PretrainedClassifier, Bridgeable):
    """Any `AutoModelForSequenceClassification`; features are float (n, width).

    Its tokenizer goes along when it is saved. Features may pass a `bridge` before the head.
    """

    def __init__(
        self, model: Any, tokens: TextTokenizer, labels: tuple[str, ...], source: Path
    ) -> None:
        super().__init__(model, self.split(model.eval(), tokens), labels, source)
        self.tokens = tokens
        self.bridge: Bridge | None = None
        self._rows = EmbeddingRows(model)

    @staticmethod
    def split(model: Any, tokens: TextTokenizer) -> ClassifierSplit:
        """Where the model's body ends and its head begins."""
        return HeadSplit(model, tokens.batch(_TEXT_PROBE), tokens.pad_id)

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

    def with_encoder(self, encoder: Network, bridge: Bridge) -> Network:
        """This network's head behind `encoder` and `bridge`; raises AuxiliaryModelNotEncoder."""
        if not isinstance(self._split, HeadSplit):
            raise TypeError("a head for words reads no sentence vectors")
        return put_behind(encoder, bridge, KeptHead.of(self.model, self._split), self)

    def reset(self) -> None:
        """Draw every parameter anew; the languages' means are forgotten."""
        super().reset()
        if self.bridge is not None:
            self.bridge.reset()

    def body_settings(self) -> str:
        """Architecture and tokenizer."""
        bridged = "" if self.bridge is None else self.bridge.settings()
        return f"classifier {describe_architecture(self.model)} {self.tokens.settings()} {bridged}"

    def change_vocabulary(
        self, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str] | None = None
    ) -> None:
        """Read by `tokenizer` from now on; `rows` float32 (ids, width)."""
        super().change_vocabulary(tokenizer, rows, renamed)
        self._split = self.split(self.model, self.tokens)

    def token_states(self, batch: Batch) -> Tensor:
        """The body's answer for each token, float32 (n, tokens, width)."""
        states: Tensor = self.model.base_model(**batch).last_hidden_state
        return states.float()


class TokenClassifier(TextClassifier):
    """Any `AutoModelForTokenClassification`; features are float (n, words, width).

    A word is answered for by the first of its tokens, as is usual since BERT (Devlin et al.,
    2019).
    """

    task = Task.TOKEN_CLASSIFICATION

    @staticmethod
    def split(model: Any, tokens: TextTokenizer) -> WordHead:
        """The linear layer behind the body."""
        return WordHead(model, word_batch(tokens, _WORD_PROBE))

    @property
    def is_reentrant(self) -> bool:
        """Vectors of words are caught on their way through the model, one batch at a time."""
        return False

    def collate(self, inputs: Inputs) -> Batch:
        """Token ids and masks, and the places of the words' first tokens."""
        return word_batch(self.tokens, checked_words(inputs))

    def forward(self, batch: Batch) -> Tensor:
        """Logits float32 (n, words, classes)."""
        return self.head(self.features(batch))


class WordEncoder(Encoder):
    """Any `AutoModel` of texts; features are the vectors of words, float (n, words, width).

    Pooling and normalisation are of sentences and play no part; the prefix does.
    """

    task = Task.TOKEN_CLASSIFICATION

    @property
    def width(self) -> int:
        """Numbers in the vector of a token."""
        return int(self.model.config.get_text_config().hidden_size)

    def collate(self, inputs: Inputs) -> Batch:
        """Token ids and masks, and the places of the words' first tokens."""
        return word_batch(self.tokens, checked_words(inputs))

    def features(self, batch: Batch) -> Tensor:
        """Vectors float32 (n, words, width) of the words' first tokens."""
        tokens = {name: tensor for name, tensor in batch.items() if name != FIRST_TOKENS}
        vectors: Tensor = self.model(**tokens).last_hidden_state.float()
        return word_vectors(vectors, batch[FIRST_TOKENS])


class ImageClassifier(PretrainedClassifier):
    """Any `AutoModelForImageClassification`; features are float (n, width).

    Its preparation goes along when it is saved.
    """

    def __init__(
        self, model: Any, image_processor: ImageProcessor, labels: tuple[str, ...], source: Path
    ) -> None:
        probe = {
            "pixel_values": image_processor.apply(torch.from_numpy(_image_probe(image_processor)))
        }
        super().__init__(model, HeadSplit(model.eval(), probe), labels, source)
        self.image_processor = image_processor

    def collate(self, inputs: Inputs) -> Batch:
        """`pixel_values` float32 (n, channels, height, width)."""
        images = torch.from_numpy(np.ascontiguousarray(inputs))
        return {"pixel_values": self.image_processor.apply(images)}

    def lengths(self, inputs: Inputs) -> list[int]:
        """1 for each image."""
        return [1] * len(inputs)

    def body_settings(self) -> str:
        """Architecture and preparation of images."""
        return f"images {describe_architecture(self.model)} {self.image_processor}"


def _image_probe(image_processor: ImageProcessor) -> np.ndarray:
    """Two images of noise, uint8: even ones would let too many readings of a head agree."""
    shape = image_processor.shape
    size = (2, shape.channels, shape.height, shape.width)
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
