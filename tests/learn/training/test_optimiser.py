"""Which parameters weight decay reaches."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedModel,
    SwinConfig,
    SwinForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from app.learn.training.optimiser import (
    ActiveEmbedding,
    create_optimiser,
    decaying_parameters,
)
from app.learn.training.recipe import Optimiser

TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
IMAGE = {"image_size": 8, "patch_size": 4}
SHAPES = {"embed_dim": 8, "depths": [1], "num_heads": [2], "window_size": 2}
MODELS: dict[str, PreTrainedModel] = {
    "vit": ViTForImageClassification(ViTConfig(**TINY, **IMAGE)),
    "beit": BeitForImageClassification(
        BeitConfig(**TINY, **IMAGE, use_relative_position_bias=True, use_mask_token=True)
    ),
    "swin": SwinForImageClassification(SwinConfig(**SHAPES, **IMAGE)),
    "bert": BertForSequenceClassification(BertConfig(**TINY, vocab_size=20)),
    "gpt2": GPT2ForSequenceClassification(
        GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=20, n_positions=8)
    ),
}
LOOKED_UP = ("embeddings", "token", "table", "wte", "wpe")


def _decaying(network: nn.Module) -> set[str]:
    chosen = {id(parameter) for parameter in decaying_parameters(network)}
    return {name for name, p in network.named_parameters() if id(p) in chosen}


@pytest.mark.parametrize("name", MODELS)
def test_matrices_of_a_transformer_decay_and_nothing_that_is_looked_up_or_added(name: str) -> None:
    """Class tokens, position embeddings and bias tables have two or more dimensions as well."""
    model = MODELS[name]
    decaying = _decaying(model)
    for own, parameter in model.named_parameters():
        holder = own.rsplit(".", 1)[-1]
        looked_up = (
            holder.endswith(LOOKED_UP) or own.split(".")[-2].endswith(LOOKED_UP)
        ) and "projection" not in own
        assert (own in decaying) == (parameter.ndim >= 2 and not looked_up), own


def test_biases_norms_and_embeddings_do_not_decay() -> None:
    network = nn.Sequential(
        nn.Embedding(9, 4),
        nn.LayerNorm((3, 4)),
        nn.Linear(4, 2),
        nn.Conv2d(1, 2, 3),
        nn.LSTM(4, 2),
        nn.MultiheadAttention(4, 2),
        ActiveEmbedding(nn.Embedding(9, 4), torch.arange(3)),
    )
    assert _decaying(network) == {
        "2.weight",
        "3.weight",
        "4.weight_ih_l0",
        "4.weight_hh_l0",
        "5.in_proj_weight",
        "5.out_proj.weight",
    }


def test_a_matrix_that_is_an_embedding_too_does_not_decay() -> None:
    network = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9, bias=False))
    network[1].weight = network[0].weight
    assert not _decaying(network)


def test_the_optimiser_has_every_trained_parameter_once() -> None:
    network = MODELS["vit"]
    decaying, resting = create_optimiser(network, Optimiser.ADAMW, 0.1, 0.3).param_groups
    assert decaying["weight_decay"] == 0.3
    assert resting["weight_decay"] == 0
    both = [id(p) for p in decaying["params"] + resting["params"]]
    assert sorted(both) == sorted(id(p) for p in network.parameters())
