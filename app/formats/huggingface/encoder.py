"""A plain Hugging Face text encoder, with a linear head or without, as a Network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from app.domain.enums import Task
from app.domain.errors.methods import AuxiliaryModelNotEncoder, EmbeddingUnsupported
from app.formats.huggingface.head_files import HeadFile, KeptHead
from app.formats.huggingface.sentence_transformers import DenseLayers, pool
from app.formats.huggingface.tokenizer import TextTokenizer
from app.formats.safetensors_files import stored_dtype
from app.learn.bridge import Bridge, Bridgeable
from app.learn.data.examples import Inputs, texts_of
from app.learn.network import Batch, HeadedNetwork, Network, TokenVocabulary
from app.learn.training.optimiser import ActiveEmbedding, active_rows

# The head's labels, where the files came from, and how the weights were stored.
_NOT_ARCHITECTURE = {
    *("id2label", "label2id", "num_labels", "_name_or_path", "dtype", "torch_dtype"),
    *("architectures", "transformers_version"),
}
_CHUNK = 1024


class TokenizedNetwork(Network):
    """A network around a transformers `model` that reads texts through the tokenizer `tokens`.

    `source` is the directory that it came from.
    """

    model: Any
    tokens: TextTokenizer
    source: Path
    _rows: EmbeddingRows

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

    def prepare_training(self, inputs: Inputs) -> None:
        """Train only the embedding rows that `inputs` touch."""
        self._rows.restrict_to(self.tokens, texts_of(inputs))

    def finish_training(self) -> None:
        """Put the trained embedding rows back among the others."""
        self._rows.restore()

    def vocabulary(self) -> TokenVocabulary:
        """The tokenizer and the embedding as they are; raises `EmbeddingUnsupported`."""
        return read_vocabulary(self.model, self.tokens, self.source)

    def change_vocabulary(
        self, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str] | None = None
    ) -> None:
        """Read by `tokenizer` from now on; `rows` float32 (ids, width)."""
        self.tokens = change_vocabulary(self.model, self.tokens, tokenizer, rows, renamed or {})


class Encoder(TokenizedNetwork, HeadedNetwork, Bridgeable):
    """Any `AutoModel` of texts; features are its tokens pooled to float (n, width).

    `description` says how to pool, and names the labels where there is a head; `source` is the
    directory it came from: its tokenizer goes along when it is saved. The vectors may pass a
    `bridge` into the space of another encoder's head, which is the `kept_head` where it is more
    than a linear layer.
    """

    def __init__(
        self,
        model: Any,
        tokens: TextTokenizer,
        description: HeadFile,
        source: Path,
        bridge: Bridge | None = None,
        kept_head: KeptHead | None = None,
        dense: DenseLayers | None = None,
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.tokens = tokens
        self.description = description
        self.dense = dense
        self.bridge = bridge
        self.source = source
        self.labels = description.labels if kept_head else ()
        self.classifier: nn.Linear | KeptHead | None = kept_head
        self._rows = EmbeddingRows(model)
        if description.labels and kept_head is None:
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

    def body_settings(self) -> str:
        """Architecture, tokenizer and pooling."""
        pooled = self.description.model_dump_json(exclude={"labels", "reads"})
        bridged = "" if self.bridge is None else self.bridge.settings()
        architecture = describe_architecture(self.model)
        return f"encoder {architecture} {self.tokens.settings()} {pooled} {bridged}"

    def with_encoder(self, encoder: Network, bridge: Bridge) -> Network:
        """This network's head behind `encoder` and `bridge`; raises AuxiliaryModelNotEncoder."""
        return put_behind(encoder, bridge, self.classifier, self)

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
    encoder: Network, bridge: Bridge, head: nn.Linear | KeptHead | None, original: Network
) -> Encoder:
    """`head`, with the labels of the `original` network, behind `encoder` and `bridge`."""
    if not isinstance(encoder, Encoder):
        raise AuxiliaryModelNotEncoder(type(encoder).__name__)
    kept_head = head if isinstance(head, KeptHead) else None
    head_fields = {"labels": original.labels, "reads": kept_head.reads if kept_head else {}}
    description = encoder.description.model_copy(update=head_fields)
    network = Encoder(
        encoder.model, encoder.tokens, description, encoder.source, bridge, kept_head, encoder.dense
    )
    network.classifier = head
    network.task, network.thresholds = original.task, original.thresholds
    return network


def describe_architecture(model: Any) -> str:
    """The class and the configuration that decide what its body computes with its weights."""
    config = {
        name: v for name, v in model.config.to_dict().items() if name not in _NOT_ARCHITECTURE
    }
    return f"{type(model).__name__} {json.dumps(config, sort_keys=True, default=str)}"


def read_vocabulary(model: Any, tokens: TextTokenizer, source: Path) -> TokenVocabulary:
    """The tokenizer and rows of `model`, read from `source`; raises `EmbeddingUnsupported`."""
    rows = _embedding(model).weight
    size = stored_dtype(source).itemsize
    return TokenVocabulary(tokens.tokenizer(), rows, tokens.prefix, _named_token_ids(model), size)


def change_vocabulary(
    model: Any, tokens: TextTokenizer, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str]
) -> TextTokenizer:
    """Give `model` the rows (float32 (ids, width)) and return the tokenizer that goes with them.

    Whatever is tied to the embedding's matrix is tied to the new one. Ids that the model's
    configuration names are those of the same tokens, or of those that `renamed` maps them to.
    """
    before, embedding = tokens.tokenizer(), _embedding(model)
    names = {key: before.id_to_token(number) for key, number in _named_token_ids(model).items()}
    changed = tokens.with_tokenizer(tokenizer, renamed)
    _replace_parameter(model, embedding.weight, nn.Parameter(rows.to(embedding.weight)))
    embedding.num_embeddings = len(rows)
    if embedding.padding_idx is not None:
        embedding.padding_idx = changed.pad_id
    config = model.config.get_text_config()
    config.vocab_size = len(rows)
    for key, name in names.items():
        setattr(config, key, tokenizer.token_to_id(renamed.get(name, name)) if name else None)
    return changed


def _embedding(model: Any) -> nn.Embedding:
    found = model.get_input_embeddings()
    if not isinstance(found, nn.Embedding):
        raise EmbeddingUnsupported(type(model).__name__)
    return found


def _named_token_ids(model: Any) -> dict[str, int]:
    """The ids that the configuration names, one each (`bos_token_id`, `pad_token_id` ...)."""
    config = model.config.get_text_config().to_dict()
    return {
        key: number
        for key, number in config.items()
        if key.endswith("_token_id") and isinstance(number, int) and number >= 0
    }


def _replace_parameter(model: nn.Module, old: Tensor, new: nn.Parameter) -> None:
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            if parameter is old:
                setattr(module, name, new)


class EmbeddingRows:
    """Swaps a model's word embedding for an ActiveEmbedding, and back."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def restrict_to(self, tokens: TextTokenizer, texts: list[str]) -> None:
        """Train only the rows that `texts` touch, unless that is most of them anyway."""
        full = self._model.get_input_embeddings()
        # Some classes scale what they look up; those are left as they are.
        if type(full) is not nn.Embedding:
            return
        chunks = [texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK)]
        ids = [torch.unique(tokens.batch(chunk)["input_ids"]) for chunk in chunks]
        rows = active_rows(full, torch.cat(ids))
        if 2 * len(rows) < full.num_embeddings:
            self._model.set_input_embeddings(ActiveEmbedding(full, rows))

    def restore(self) -> None:
        """Write the learnt rows back into the full embedding, where only some were trained."""
        embedding = self._model.get_input_embeddings()
        if isinstance(embedding, ActiveEmbedding):
            self._model.set_input_embeddings(embedding.finish())
