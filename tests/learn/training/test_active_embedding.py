"""Training only the embedding rows that occur is training all of them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from app.learn.training.optimiser import ActiveEmbedding, active_rows

IDS = torch.tensor([[5, 7, 7, 1], [9, 5, 1, 1]])


def trained(embedding: nn.Module, optimiser: torch.optim.Optimizer, steps: int = 5) -> Tensor:
    """Some steps on the training ids, then the vectors of every id."""
    readout = torch.linspace(-1, 1, 8)
    for _ in range(steps):
        optimiser.zero_grad()
        (embedding(IDS).tanh() @ readout).square().sum().backward()
        optimiser.step()
    return embedding(torch.arange(100)).detach()


@pytest.mark.parametrize("padding", [None, 1])
@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_the_result_is_that_of_training_every_row(kind: str, padding: int | None) -> None:
    torch.manual_seed(0)
    full = nn.Embedding(100, 8, padding_idx=padding)
    whole = copy.deepcopy(full)
    part = ActiveEmbedding(full, active_rows(full, IDS))

    def optimiser(module: nn.Module) -> torch.optim.Optimizer:
        parameters = [p for p in module.parameters() if p.requires_grad]
        if kind == "sgd":
            return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        return torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.0)

    wanted = trained(whole, optimiser(whole))
    assert torch.allclose(trained(part, optimiser(part)), wanted, atol=1e-6)
    assert part.finish() is full
    assert torch.allclose(full.weight, whole.weight, atol=1e-6)
    assert full.weight.requires_grad


def test_rows_that_do_not_occur_get_no_gradient_and_stay_as_they_are() -> None:
    full = nn.Embedding(100, 8)
    before = full.weight.detach().clone()
    part = ActiveEmbedding(full, active_rows(full, IDS))
    assert [p.shape for p in part.parameters() if p.requires_grad] == [(4, 8)]
    trained(part, torch.optim.SGD([part.active], lr=0.1))
    changed = (part.finish().weight != before).any(dim=1).nonzero().flatten()
    assert set(changed.tolist()) <= {1, 5, 7, 9}
    assert len(changed) > 0


def test_the_padding_row_never_learns() -> None:
    assert active_rows(nn.Embedding(100, 8, padding_idx=1), IDS).tolist() == [5, 7, 9]
    assert active_rows(nn.Embedding(100, 8), IDS).tolist() == [1, 5, 7, 9]
