"""Sets the word embedding's unused rows apart while a Hugging Face model is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from app.formats.huggingface.tokens import Tokens
from app.learn.active_embedding import ActiveEmbedding, active_rows

_CHUNK = 1024


class EmbeddingRows:
    """Swaps a model's word embedding for an ActiveEmbedding, and back."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def set_apart(self, tokens: Tokens, texts: list[str]) -> None:
        """Let only the rows learn that `texts` touch, unless that is most of them anyway."""
        full = self._model.get_input_embeddings()
        # Some classes scale what they look up; those are left as they are.
        if type(full) is not nn.Embedding:
            return
        chunks = [texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK)]
        seen = [torch.unique(tokens.batch(chunk)["input_ids"]) for chunk in chunks]
        rows = active_rows(full, torch.cat(seen))
        if 2 * len(rows) < full.num_embeddings:
            self._model.set_input_embeddings(ActiveEmbedding(full, rows))

    def put_back(self) -> None:
        """Write the learnt rows into the full embedding; nothing to do if none was set apart."""
        standing_in = self._model.get_input_embeddings()
        if isinstance(standing_in, ActiveEmbedding):
            self._model.set_input_embeddings(standing_in.finish())
