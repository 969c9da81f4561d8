"""Ridge maps between spaces of vectors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from app.domain.errors.methods import TooFewRowsForMap
from app.learn.bridge_fit import fit_ridge


def some_vectors(rows: int = 60, width: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)) + 3.0


def a_map(out: int = 5, width: int = 8, seed: int = 1) -> Tensor:
    return torch.randn(out, width, generator=torch.Generator().manual_seed(seed))


def test_a_linear_map_with_an_offset_is_found_again() -> None:
    x, weight = some_vectors(), a_map()
    found = fit_ridge(x, x @ weight.T - 2.0, torch.arange(60))
    assert torch.allclose(found.weight, weight, atol=1e-3)
    assert torch.allclose(found.bias, torch.full((5,), -2.0), atol=1e-2)
    assert found.strength == min(found.losses)


def test_a_chosen_strength_is_a_multiple_of_the_mean_variance() -> None:
    x, y = some_vectors(), some_vectors(60, 5, seed=2)
    centred = (x - x.mean(dim=0)).double()
    ridge = 0.7 * float((centred**2).sum()) / 8
    gram = centred.T @ centred + ridge * torch.eye(8, dtype=torch.float64)
    expected = torch.linalg.solve(gram, centred.T @ (y - y.mean(dim=0)).double()).T.float()
    found = fit_ridge(x, y, torch.arange(60), strength=0.7)
    assert torch.allclose(found.weight, expected, atol=1e-6)
    assert list(found.losses) == [0.7]


def test_where_nothing_can_be_learnt_the_strongest_ridge_wins() -> None:
    x, noise = some_vectors(), some_vectors(60, 5, seed=2)
    found = fit_ridge(x, noise, torch.arange(60))
    assert found.strength > 10


def test_rows_of_one_group_never_tell_each_other_about_left_out_rows() -> None:
    """Two copies of pure noise: whoever sees the one knows the other."""
    x, noise = some_vectors(12, 24), some_vectors(12, 5, seed=2)
    twice, outputs = torch.cat([x, x]), torch.cat([noise, noise])
    kept_together = fit_ridge(twice, outputs, torch.arange(12).repeat(2), strength=1e-3)
    torn = fit_ridge(twice, outputs, torch.arange(24), strength=1e-3)
    assert kept_together.losses[1e-3] > 1.5 * torn.losses[1e-3]


def test_too_few_different_rows_are_refused_with_the_number_needed() -> None:
    x, y = some_vectors(16), some_vectors(16, 5)
    with pytest.raises(TooFewRowsForMap) as refused:
        fit_ridge(x, y, torch.arange(5).repeat_interleave(4)[:16])
    assert refused.value.fields == {"rows": 4, "needed": 6}


def test_a_map_of_lower_rank_needs_fewer_rows_and_has_that_rank() -> None:
    x, weight = some_vectors(5), a_map()
    found = fit_ridge(x, x @ weight.T, torch.arange(5), rank=2)
    assert int(torch.linalg.matrix_rank(found.weight, atol=1e-5)) == 2


def test_the_loss_function_decides_on_the_strength() -> None:
    x = some_vectors()

    def length(predicted: Tensor, truth: Tensor) -> Tensor:
        return (predicted - truth.mean(dim=0)).square().sum()

    found = fit_ridge(x, x @ a_map().T, torch.arange(60), loss=length)
    assert found.strength > 10
