"""Models in memory by bytes, loaded once, pinned and dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from app.domain.enums import Format, Task
from app.domain.models import Compiled, ModelFacts, Servable, TextInput
from app.serving.model_cache import CachedModel, ModelCache, PinnedModelsFull

_TIMEOUT_SECONDS = 20.0


def test_a_model_that_many_ask_for_at_once_is_loaded_once():
    opened, may_open = [], threading.Event()

    def open_slowly(servable: Servable) -> CachedModel:
        opened.append(servable.id)
        assert may_open.wait(_TIMEOUT_SECONDS)
        return _loaded(servable)

    models = ModelCache(open_slowly, limit=100)
    futures = [models.get(_servable("a")) for _ in range(20)]
    may_open.set()

    assert len({id(one.result(_TIMEOUT_SECONDS)) for one in futures}) == 1
    assert opened == ["a"]


def test_the_model_used_longest_ago_makes_room():
    models = _models(limit=30)
    for id in ("a", "b", "c", "a", "d"):
        models.get(_servable(id, size=10)).result(_TIMEOUT_SECONDS)

    assert [one.model_id for one in models.residents()] == ["c", "a", "d"]


def test_a_pinned_model_stays_until_it_is_unloaded():
    models = _models(limit=20)
    models.load(_servable("a", size=10), pinned=True)
    for id in ("b", "c", "d"):
        models.get(_servable(id, size=10)).result(_TIMEOUT_SECONDS)
    assert [(one.model_id, one.pinned) for one in models.residents()] == [("a", True), ("d", False)]

    assert models.unload("a")
    assert not models.unload("a")
    assert [one.model_id for one in models.residents()] == ["d"]


def test_more_than_fits_cannot_be_pinned():
    models = _models(limit=25)
    models.load(_servable("a", size=10), pinned=True)
    models.load(_servable("b", size=10), pinned=True)

    with pytest.raises(PinnedModelsFull) as full:
        models.load(_servable("c", size=10), pinned=True)

    assert (full.value.needed, full.value.limit) == (30, 25)
    assert {one.model_id for one in models.residents() if one.pinned} == {"a", "b"}


def test_a_model_above_the_limit_stands_alone():
    models = _models(limit=5)
    for id in ("a", "b"):
        models.get(_servable(id, size=10)).result(_TIMEOUT_SECONDS)

    assert [one.model_id for one in models.residents()] == ["b"]


def test_a_model_that_was_compiled_meanwhile_takes_the_place_of_itself():
    models = _models(limit=100)
    models.get(_servable("a")).result(_TIMEOUT_SECONDS)
    compiled = Servable(
        "a", "a", 1, "0" * 64, _facts(1), Compiled("onnxruntime", "float32", "1" * 64)
    )
    found = models.get(compiled).result(_TIMEOUT_SECONDS)

    assert found.servable.compiled is not None
    assert len(models.residents()) == 1


def _fails_once() -> Callable[[Servable], CachedModel]:
    tries = []

    def load(servable: Servable) -> CachedModel:
        tries.append(servable.id)
        if len(tries) == 1:
            raise OSError("gone")
        return _loaded(servable)

    return load


def test_a_model_that_cannot_be_loaded_says_so_and_is_tried_again():
    models = ModelCache(_fails_once(), limit=100)
    with pytest.raises(OSError, match="gone"):
        models.get(_servable("a")).result(_TIMEOUT_SECONDS)

    assert models.get(_servable("a")).result(_TIMEOUT_SECONDS)


def test_a_model_that_could_not_be_loaded_is_not_pinned():
    models = ModelCache(_fails_once(), limit=20)
    with pytest.raises(OSError, match="gone"):
        models.load(_servable("a", size=10), pinned=True)
    models.get(_servable("a", size=10)).result(_TIMEOUT_SECONDS)
    assert [one.pinned for one in models.residents()] == [False]
    for id in ("b", "c"):
        models.get(_servable(id, size=10)).result(_TIMEOUT_SECONDS)
    assert [one.model_id for one in models.residents()] == ["b", "c"]


def test_a_pinned_model_stays_pinned_when_it_cannot_be_loaded_anew():
    def open_plain(servable: Servable) -> CachedModel:
        if servable.compiled is not None:
            raise OSError("gone")
        return _loaded(servable)

    models = ModelCache(open_plain, limit=20)
    models.load(_servable("a", size=10), pinned=True)
    compiled = Servable(
        "a", "a", 1, "0" * 64, _facts(1), Compiled("onnxruntime", "float32", "1" * 64)
    )
    with pytest.raises(OSError, match="gone"):
        models.load(compiled, pinned=True)
    assert [one.pinned for one in models.residents()] == [True]


def test_what_a_model_has_grown_by_counts_and_others_make_room_for_it():
    models = _models(limit=35)
    for id in ("a", "b", "c"):
        models.get(_servable(id, size=10)).result(_TIMEOUT_SECONDS)
    grown = models.get(_servable("c", size=10)).result(_TIMEOUT_SECONDS)
    grown.normalized = SimpleNamespace(size_bytes=10)  # type: ignore[assignment]
    models.fit()

    assert [(one.model_id, one.size_bytes) for one in models.residents()] == [("b", 10), ("c", 20)]


def _models(limit: int) -> ModelCache:
    return ModelCache(_loaded, limit)


def _loaded(servable: Servable) -> CachedModel:
    size = 4 * servable.facts.parameters
    runtime = SimpleNamespace(size_bytes=size, engine="torch", precision="float32")
    return CachedModel(servable, runtime)  # type: ignore[arg-type]


def _servable(id: str, size: int = 4) -> Servable:
    return Servable(id, id, 1, "0" * 64, _facts(size / 4))


def _facts(parameters: float) -> ModelFacts:
    task = Task.TEXT_CLASSIFICATION
    return ModelFacts(Format.HUGGINGFACE, task, ("a",), TextInput(64), "x", parameters)  # type: ignore[arg-type]
