"""Looks at a Hugging Face model's vocabulary, and gives it another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor, nn

from app.domain.errors.vocabularies import EmbeddingUnsupported
from app.formats.huggingface.number_type import number_type
from app.formats.huggingface.tokens import Tokens
from app.learn.vocabulary import Vocabulary


def read_vocabulary(model: Any, tokens: Tokens, source: Path) -> Vocabulary:
    """The tokenizer and rows of `model`, read from `source`; raises `EmbeddingUnsupported`."""
    rows = _embedding(model).weight
    size = number_type(source).itemsize
    return Vocabulary(tokens.tokenizer(), rows, tokens.prefix, _named(model), size)


def change_vocabulary(
    model: Any, tokens: Tokens, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str]
) -> Tokens:
    """Give `model` the rows (float32 (ids, width)) and return the Tokens that go with them.

    Whatever is tied to the embedding's matrix is tied to the new one. Ids that the model's
    configuration names are those of the same tokens, or of those that `renamed` maps them to.
    """
    before, embedding = tokens.tokenizer(), _embedding(model)
    names = {key: before.id_to_token(number) for key, number in _named(model).items()}
    changed = tokens.with_tokenizer(tokenizer, renamed)
    _put_in_place(model, embedding.weight, nn.Parameter(rows.to(embedding.weight)))
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


def _named(model: Any) -> dict[str, int]:
    """The ids that the configuration names, one each (`bos_token_id`, `pad_token_id` ...)."""
    config = model.config.get_text_config().to_dict()
    return {
        key: number
        for key, number in config.items()
        if key.endswith("_token_id") and isinstance(number, int) and number >= 0
    }


def _put_in_place(model: nn.Module, old: Tensor, new: nn.Parameter) -> None:
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            if parameter is old:
                setattr(module, name, new)
