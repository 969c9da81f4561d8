"""Maps between spaces of which the answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from app.learn.alignment.csls import csls, gold_dictionary, hubness, nearest, precision_at_k, topk
from app.learn.alignment.maps import normalised, orthogonal_map, refine_rcsls, weighted_maps
from app.learn.alignment.self_learning import (
    SelfLearningOptions,
    SimilarityDropout,
    identical_words,
    induce_dictionary,
    self_learn,
    similarity_distributions,
)
from app.learn.alignment.steps import NormalisationStep

STEPS = (NormalisationStep.UNIT, NormalisationStep.CENTER, NormalisationStep.UNIT)


def two_languages(words: int = 600, noise: float = 0.02) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised vectors of two languages, word i translated by word i, and the rotation."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    rotation = torch.linalg.qr(draw(20, 20))[0]
    meanings = draw(words, 20) * torch.linspace(1, 0.2, 20)
    source = meanings + noise * draw(words, 20)
    target = (meanings + noise * draw(words, 20)) @ rotation
    return normalised(source, STEPS), normalised(target, STEPS), rotation


def accuracy(source: Tensor, target: Tensor) -> float:
    found = csls(source, target, hubness(target, source), 1)[1][:, 0]
    return float((found == torch.arange(len(source))).float().mean())


@pytest.mark.parametrize("columns", [3, 50, 640, 701, 2000])
def test_the_largest_are_the_largest(columns: int) -> None:
    scores = torch.randn(9, columns, generator=torch.Generator().manual_seed(columns))
    values, places = topk(scores, 10)
    wanted = scores.topk(min(10, columns), dim=1)
    assert torch.equal(values, wanted.values)
    assert torch.equal(places, wanted.indices)


def test_steps_of_normalisation_do_what_their_names_say() -> None:
    vectors = torch.randn(50, 6, generator=torch.Generator().manual_seed(1)) + 1
    before = vectors.clone()
    assert torch.allclose(normalised(vectors, [NormalisationStep.UNIT]).norm(dim=1), torch.ones(50))
    assert normalised(vectors, [NormalisationStep.CENTER]).mean(dim=0).abs().max() < 1e-6
    assert normalised(vectors, [NormalisationStep.CENTEREMB]).mean(dim=1).abs().max() < 1e-6
    assert torch.allclose(
        normalised(vectors, [NormalisationStep.UNITDIM]).norm(dim=0), torch.ones(6)
    )
    assert torch.equal(normalised(torch.zeros(2, 3), STEPS), torch.zeros(2, 3))
    assert torch.equal(vectors, before)


def test_the_map_is_orthogonal_and_finds_the_rotation() -> None:
    source, target, rotation = two_languages()
    found = orthogonal_map(source[:100], target[:100])
    assert torch.allclose(found @ found.T, torch.eye(20), atol=1e-5)
    assert (found - rotation).abs().max() < 0.05


def test_neighbours_in_blocks_are_those_of_the_whole_matrix(monkeypatch) -> None:
    source, target, _ = two_languages(300)
    monkeypatch.setattr("app.learn.alignment.csls._CELLS", 7 * 300)
    scores = source @ target.T
    assert torch.equal(nearest(source, target, 4)[1], scores.topk(4, dim=1).indices)
    r_source = scores.topk(10, dim=1).values.mean(dim=1)
    r_target = scores.topk(10, dim=0).values.mean(dim=0)
    assert torch.allclose(hubness(target, source), r_target, atol=1e-6)
    exact = 2 * scores - r_source[:, None] - r_target[None, :]
    found = csls(source, target, r_target, 3)[1]
    assert torch.equal(found, exact.topk(3, dim=1).indices)
    induced = induce_dictionary(source, target)
    assert torch.equal(induced.pairs[1][:300], exact.argmax(dim=1))
    assert torch.equal(induced.pairs[0][300:], exact.argmax(dim=0))
    first, second = induced.mutual()
    assert torch.equal(second, exact.argmax(dim=1)[first])
    assert torch.equal(first, exact.argmax(dim=0)[second])
    assert 0 < len(first) <= 300


def test_a_first_look_in_half_precision_changes_nothing(monkeypatch) -> None:
    source, target, _ = two_languages(500, noise=0.3)
    exact = nearest(source, target, 10, hubness(target, source)), induce_dictionary(source, target)
    monkeypatch.setattr(
        "app.learn.alignment.csls.bfloat16_copy", lambda queries, targets: targets.bfloat16()
    )
    found = nearest(source, target, 10, hubness(target, source)), induce_dictionary(source, target)
    assert torch.equal(found[0][1], exact[0][1])
    assert torch.allclose(found[0][0], exact[0][0], atol=1e-6)
    assert torch.equal(found[1].pairs[1], exact[1].pairs[1])
    assert found[1].objective == pytest.approx(exact[1].objective, abs=1e-6)


def test_dropout_forgets_its_share() -> None:
    dropout = SimilarityDropout(0.3, 400, torch.Generator().manual_seed(0))
    scores = torch.ones(500, 400)
    dropout.forget(scores)
    assert abs(float(scores.mean()) - 0.3) < 0.05
    assert not torch.equal(scores[0], scores[1])


def test_self_learning_needs_only_a_few_pairs() -> None:
    source, target, _ = two_languages()
    seed = torch.arange(12)
    start = orthogonal_map(source[:12], target[:12])
    options = SelfLearningOptions(keep=0.5, patience=3)
    result = self_learn(source, target, (seed, seed), options, seed=1)
    found = orthogonal_map(source[result.dictionary[0]], target[result.dictionary[1]])
    assert accuracy(source @ start, target) < 0.9
    assert accuracy(source @ found, target) > 0.97
    assert result.converged
    assert result.rounds == len(result.objectives)
    again = self_learn(source, target, (seed, seed), options, seed=1)
    assert torch.equal(again.dictionary[1], result.dictionary[1])


def test_a_dictionary_can_come_from_nothing() -> None:
    source, target, _ = two_languages()
    shuffled = torch.randperm(600, generator=torch.Generator().manual_seed(3))
    seed = similarity_distributions(source, target[shuffled], STEPS)
    result = self_learn(source, target[shuffled], seed, SelfLearningOptions(patience=3))
    found = orthogonal_map(source[result.dictionary[0]], target[shuffled][result.dictionary[1]])
    assert accuracy(source @ found, target) > 0.97


def test_words_written_alike_are_a_dictionary() -> None:
    source, target = identical_words(["the", "2010", "Paris"], ["Paris", "der", "2010"])
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == [(1, 2), (2, 0)]
    assert len(identical_words(["a"], ["b"])[0]) == 0


def test_weighted_maps_bring_both_languages_together() -> None:
    source, target, _ = two_languages()
    maps = weighted_maps(source[:300], target[:300])
    unit = [functional.normalize(x, dim=1) for x in (source @ maps.source, target @ maps.target)]
    assert accuracy(unit[0][300:], unit[1][300:]) > 0.97


def test_refinement_lowers_the_loss_and_never_lengthens() -> None:
    source, target, _ = two_languages(noise=0.3)
    pairs = (torch.arange(200), torch.arange(200))
    start = orthogonal_map(source[:200], target[:200])
    refined = refine_rcsls(source, target, pairs, start, rounds=6)
    assert min(refined.losses) < refined.losses[0]
    assert float(torch.linalg.matrix_norm(refined.map, 2)) < 1 + 1e-5


def test_a_word_counts_as_translated_when_any_of_its_translations_is_found() -> None:
    source = {"dog": 0, "cat": 1, "bird": 2}
    target = {"hund": 0, "köter": 1, "katze": 2, "vogel": 3}
    pairs = [("dog", "hund"), ("dog", "köter"), ("cat", "katze"), ("bird", "x"), ("cow", "kuh")]
    gold = gold_dictionary(pairs, source, target)
    assert (set(gold.answers), gold.missing, gold.coverage) == ({0, 1}, 2, 0.5)
    scores = precision_at_k(torch.tensor([[1, 3, 2], [0, 1, 2]]), gold)
    assert scores["words"] == 2
    assert scores["p_at_1"]["value"] == 0.5
    assert scores["p_at_5"]["value"] == 1.0
    assert scores["p_at_1"]["low"] <= 0.5 <= scores["p_at_1"]["high"]
