"""A plain Hugging Face text encoder as the body of a tagger."""

from __future__ import annotations

from torch import Tensor

from app.domain.enums import Task
from app.formats.huggingface.encoder import Encoder
from app.formats.huggingface.words import FIRST_TOKENS, word_batch, word_vectors, words_of
from app.learn.examples import Inputs
from app.learn.network import Batch


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
        return word_batch(self.tokens, words_of(inputs))

    def features(self, batch: Batch) -> Tensor:
        """Vectors float32 (n, words, width) of the words' first tokens."""
        tokens = {name: tensor for name, tensor in batch.items() if name != FIRST_TOKENS}
        vectors: Tensor = self.model(**tokens).last_hidden_state.float()
        return word_vectors(vectors, batch[FIRST_TOKENS])
