"""Optimisers over the parameters that a stage trains."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from app.learn.active_embedding import ActiveEmbedding
from app.learn.training_options import Optimiser

_MOMENTUM = 0.9


def optimiser_for(
    network: nn.Module, kind: Optimiser, learning_rate: float, weight_decay: float
) -> Optimizer:
    """An optimiser of every parameter with `requires_grad`.

    Weight decay (decoupled in AdamW: Loshchilov and Hutter, 2019) holds for matrices and kernels
    alone: not for biases and norms, nor for embeddings, whose unused rows it would wear away.
    """
    embeddings = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, nn.Embedding | ActiveEmbedding)
        for parameter in module.parameters(recurse=False)
    }
    trained = [p for p in network.parameters() if p.requires_grad]
    decays = [p for p in trained if p.ndim >= 2 and id(p) not in embeddings]
    chosen = {id(p) for p in decays}
    groups = [
        {"params": decays, "weight_decay": weight_decay},
        {"params": [p for p in trained if id(p) not in chosen], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if kind is Optimiser.SGD:
        return SGD(groups, lr=learning_rate, momentum=_MOMENTUM)
    return AdamW(groups, lr=learning_rate)
