"""How a text becomes a vector."""

from __future__ import annotations

import pytest
import torch

from app.learn.word_vectors import (
    Pooling,
    WordVectorNetwork,
    WordVocabulary,
    common_direction,
    word_weights,
    words_of,
)
from tests.support.word_vectors import some_vectors

ENGLISH = ("the", "a", "dog", "gift", "Hand")
GERMAN = ("der", "ein", "hund", "gift")


def a_network(pooling: Pooling = Pooling.MEAN) -> WordVectorNetwork:
    vectors = torch.from_numpy(some_vectors(len(ENGLISH) + len(GERMAN)))
    vocabularies = [WordVocabulary("en", ENGLISH), WordVocabulary("de", GERMAN, len(ENGLISH))]
    return WordVectorNetwork(vectors, vocabularies, pooling)


def features(network: WordVectorNetwork, *texts: str) -> torch.Tensor:
    with torch.no_grad():
        return network.features(network.collate(list(texts)))


def test_words_keep_their_marks_apostrophes_and_hyphens() -> None:
    assert words_of("L'eau, « x-ray »! कुत्ता 3,5") == ["L'eau", "x-ray", "कुत्ता", "3", "5"]
    assert words_of("cafe\u0301") == ["café"]
    assert words_of(" ... ") == []


def test_the_mean_counts_every_known_word_as_often_as_it_stands_there() -> None:
    network = a_network()
    vectors = network.vectors
    wanted = (2 * vectors[2] + vectors[0]) / 3
    assert torch.allclose(features(network, "the dog DOG xyz")[0], wanted, atol=1e-6)


def test_a_word_is_found_as_it_stands_or_in_lower_case() -> None:
    vocabulary = WordVocabulary("en", ("Hand", "dog"))
    assert [vocabulary.rank(word) for word in ("Hand", "hand", "Dog", "x")] == [0, None, 1, None]


def test_a_text_is_read_in_the_language_that_knows_most_of_it() -> None:
    network = a_network()
    vectors = network.vectors
    german, english = features(network, "der hund gift", "the dog gift")
    assert torch.allclose(german, vectors[[5, 7, 8]].mean(dim=0), atol=1e-6)
    assert torch.allclose(english, vectors[[0, 2, 3]].mean(dim=0), atol=1e-6)
    # A word of both alone is the first language's.
    assert torch.allclose(features(network, "gift")[0], vectors[3], atol=1e-6)
    assert network.vocabulary_of("ein hund").language == "de"


def test_a_text_without_a_known_word_is_the_zero_vector() -> None:
    for pooling in Pooling:
        assert torch.equal(features(a_network(pooling), "xyz", "?"), torch.zeros(2, 8))


def test_scripts_without_spaces_are_cut_into_the_longest_known_words() -> None:
    vocabulary = WordVocabulary("zh", ("北京", "大学", "北", "北京大学", "生"))
    assert vocabulary.find("北京大学生")[0] == [3, 4]
    assert vocabulary.find("在北京。") == ([0], 2)


def test_sif_weighs_frequent_words_less_and_takes_out_what_all_share() -> None:
    weights = word_weights(1000, Pooling.SIF)
    assert bool((weights[1:] > weights[:-1]).all())
    network = a_network(Pooling.SIF)
    common = network.common
    for place, text in enumerate(("the dog a", "ein hund der")):
        assert abs(float(features(network, text)[0] @ common[place])) < 1e-6


def test_the_common_direction_is_that_of_the_expected_text() -> None:
    vectors = torch.from_numpy(some_vectors(50))
    weights = word_weights(50, Pooling.SIF)
    frequencies = 1 / (torch.arange(50) + 3.7)
    texts = torch.multinomial(frequencies, 200_000, replacement=True)
    mean = (weights[texts, None] * vectors[texts]).mean(dim=0)
    found = common_direction(vectors, weights)
    assert float(found @ mean / mean.norm()) > 0.99


def test_training_moves_only_the_words_that_were_seen() -> None:
    network = a_network()
    network.add_head(("a", "b"))
    before = network.vectors.clone()
    network.prepare_training(["the dog"])
    network(network.collate(["the dog"]))[:, 0].sum().backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter -= parameter.grad
    network.finish_training()
    moved = (network.vectors != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [0, 2]


@pytest.mark.parametrize("pooling", Pooling)
def test_order_and_company_do_not_matter(pooling: Pooling) -> None:
    network = a_network(pooling)
    one, other = features(network, "the dog a", "a the dog")
    assert torch.allclose(one, other, atol=1e-6)
