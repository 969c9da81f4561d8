"""Words are looked up in vectors that are brought to length 1 once for each model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from app.domain.enums import Format, Task
from app.domain.models import ModelFacts, Servable, TextInput
from app.learn.alignment import maps
from app.learn.word_vectors import Pooling, WordVectorNetwork, WordVocabulary
from app.runtimes.torch_runtime import TorchRuntime
from app.serving.messages import WordQuestion, WordSpace
from app.serving.model_cache import CachedModel, ModelCache
from app.serving.words import answer_word_question

_WORDS = 40


@pytest.fixture
def normalised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of all matrices that were normalised."""
    shapes: list[tuple[int, ...]] = []
    original = maps.normalised

    def recorded(vectors: torch.Tensor, steps: Any) -> torch.Tensor:
        shapes.append(tuple(vectors.shape))
        return original(vectors, steps)

    monkeypatch.setattr(maps, "normalised", recorded)
    return shapes


def _servable(id: str) -> Servable:
    task = Task.FEATURE_EXTRACTION
    facts = ModelFacts(Format.WORD_VECTORS, task, (), TextInput(64), "x", 8 * _WORDS)
    return Servable(id, id, 1, "0" * 64, facts)


def _open(servable: Servable) -> CachedModel:
    torch.manual_seed(0)
    vocabularies = [
        WordVocabulary("en", [f"w{n}" for n in range(_WORDS // 2)]),
        WordVocabulary("de", [f"v{n}" for n in range(_WORDS // 2)], start=_WORDS // 2),
    ]
    network = WordVectorNetwork(torch.randn(_WORDS, 8), vocabularies, next(iter(Pooling)))
    return CachedModel(servable, TorchRuntime(network))


def test_a_vocabulary_is_normalised_once_for_each_loaded_model(
    normalised: list[tuple[int, ...]],
) -> None:
    models = ModelCache(_open, limit=2**30)
    space = WordSpace(_servable("a"), "en")
    near = WordQuestion(space, None, ("w1", "w2"), 3, csls=False)
    first = answer_word_question(near, models)
    assert [answer_word_question(near, models) for _ in range(3)] == [first] * 3
    assert normalised == [(_WORDS // 2, 8)]
    across = WordQuestion(space, WordSpace(_servable("a"), "de"), ("w1",), 3, csls=True)
    assert answer_word_question(across, models) == answer_word_question(across, models)
    assert len(normalised) == 3
    [resident] = models.residents()
    loaded = models.get(_servable("a")).result()
    assert resident.size_bytes == loaded.runtime.size_bytes + 3 * 4 * 8 * _WORDS // 2


def test_a_model_that_was_loaded_anew_is_normalised_anew(
    normalised: list[tuple[int, ...]],
) -> None:
    models = ModelCache(_open, limit=1)
    question = WordQuestion(WordSpace(_servable("a"), "en"), None, ("w1",), 3, csls=False)
    answer_word_question(question, models)
    other = WordQuestion(WordSpace(_servable("b"), "en"), None, ("w1",), 3, csls=False)
    answer_word_question(other, models)
    answer_word_question(question, models)
    assert len(normalised) == 3
