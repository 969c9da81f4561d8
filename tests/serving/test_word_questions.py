"""Words are looked up in vectors that are brought to length 1 once for each model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from app.domain.enums import Format, Task
from app.domain.models import ModelFacts, TextInput
from app.domain.serving import Servable
from app.learn.alignment import normalisation
from app.learn.word_vectors.network import WordVectorNetwork
from app.learn.word_vectors.pooling import Pooling
from app.learn.word_vectors.vocabulary import Vocabulary
from app.runtimes.torch_runtime import TorchRuntime
from app.serving.resident_models import Loaded, ResidentModels
from app.serving.word_questions import Space, WordQuestion, reply_to

_WORDS = 40


@pytest.fixture
def normalised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of all matrices that were normalised."""
    shapes: list[tuple[int, ...]] = []
    original = normalisation.normalised

    def told(vectors: torch.Tensor, steps: Any) -> torch.Tensor:
        shapes.append(tuple(vectors.shape))
        return original(vectors, steps)

    monkeypatch.setattr(normalisation, "normalised", told)
    return shapes


def _servable(id: str) -> Servable:
    task = Task.FEATURE_EXTRACTION
    facts = ModelFacts(Format.WORD_VECTORS, task, (), TextInput(64), "x", 8 * _WORDS)
    return Servable(id, id, 1, "0" * 64, facts)


def _open(servable: Servable) -> Loaded:
    torch.manual_seed(0)
    vocabularies = [
        Vocabulary("en", [f"w{n}" for n in range(_WORDS // 2)]),
        Vocabulary("de", [f"v{n}" for n in range(_WORDS // 2)], start=_WORDS // 2),
    ]
    network = WordVectorNetwork(torch.randn(_WORDS, 8), vocabularies, next(iter(Pooling)))
    return Loaded(servable, TorchRuntime(network))


def test_a_vocabulary_is_normalised_once_for_each_loaded_model(
    normalised: list[tuple[int, ...]],
) -> None:
    models = ResidentModels(_open, limit=2**30)
    space = Space(_servable("a"), "en")
    near = WordQuestion(space, None, ("w1", "w2"), 3, csls=False)
    first = reply_to(near, models)
    assert [reply_to(near, models) for _ in range(3)] == [first] * 3
    assert normalised == [(_WORDS // 2, 8)]
    across = WordQuestion(space, Space(_servable("a"), "de"), ("w1",), 3, csls=True)
    assert reply_to(across, models) == reply_to(across, models)
    assert len(normalised) == 3
    [resident] = models.residents()
    loaded = models.get(_servable("a")).result()
    assert resident.size_bytes == loaded.runtime.size_bytes + 3 * 4 * 8 * _WORDS // 2


def test_a_model_that_was_loaded_anew_is_normalised_anew(
    normalised: list[tuple[int, ...]],
) -> None:
    models = ResidentModels(_open, limit=1)
    question = WordQuestion(Space(_servable("a"), "en"), None, ("w1",), 3, csls=False)
    reply_to(question, models)
    other = WordQuestion(Space(_servable("b"), "en"), None, ("w1",), 3, csls=False)
    reply_to(other, models)
    reply_to(question, models)
    assert len(normalised) == 3
