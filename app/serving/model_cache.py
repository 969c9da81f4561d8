"""Models in memory: loaded on the first request, dropped when others need the room."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.models import CacheCounts, Compiled, LoadedModel, Servable
from app.runtimes.contract import Runtime
from app.serving.batcher import BatchCost

if TYPE_CHECKING:
    from app.serving.words import NormalizedVectors


_log = logging.getLogger(__name__)
ModelKey = tuple[str, Compiled]
_NOT_COMPILED = Compiled("torch", "float32", None)
_SINGLE_THREAD_BATCHES = 100


@dataclass(eq=False)
class CachedModel:
    """A model in memory, and what its batches cost on one processor.

    Where something else is busy on the machine, threads that share a batch wait for each other,
    many times longer than the work takes. So what took longer on several processors than it would
    have on one is computed on one for a while.
    """

    servable: Servable
    runtime: Runtime
    cost: BatchCost = field(default_factory=BatchCost)
    single_thread_batches: int = 0  # batches until several processors are tried again
    # Of a model of word vectors, once somebody asked about its words.
    normalized: NormalizedVectors | None = None

    @property
    def size_bytes(self) -> int:
        """What it holds in memory, with what was made of it since it was loaded."""
        derived = 0 if self.normalized is None else self.normalized.size_bytes
        return self.runtime.size_bytes + derived

    def may_use_several_threads(self) -> bool:
        """Whether the next batch that is computed alone should take several processors."""
        self.single_thread_batches = max(0, self.single_thread_batches - 1)
        return self.single_thread_batches == 0

    def note_several_threads(self, tokens: int, seconds: float) -> None:
        """Note what a batch of so many padded tokens took on several processors."""
        if seconds > self.cost.seconds(tokens):
            self.single_thread_batches = _SINGLE_THREAD_BATCHES


class PinnedModelsFull(Exception):
    """Pinned models leave no room to pin another; `needed` and `limit` in bytes."""

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(f"{needed} bytes are needed, {limit} is the limit")
        self.needed, self.limit = needed, limit


class ModelCache:
    """At most `limit` bytes of models; the one that was used longest ago goes first.

    Each is loaded once, however many ask for it at the same time. Pinned ones stay. One that is
    larger than the limit is held by itself. A model that is dropped still answers the requests
    that it has. `open` loads and warms up; it is called in a thread of its own, one model after
    the other.
    """

    def __init__(self, open: Callable[[Servable], CachedModel], limit: int) -> None:
        self._open = open
        self._limit = limit
        self._lock = threading.Lock()
        self._loaded: OrderedDict[ModelKey, CachedModel] = OrderedDict()
        self._loading: dict[ModelKey, Future[CachedModel]] = {}
        self._pinned: set[str] = set()
        # Those that are to be pinned once they are here: they already stay, whoever needs room.
        self._pinning: Counter[str] = Counter()
        self._hits = self._loads = self._drops = 0
        self._loader = ThreadPoolExecutor(1, "loader")

    def get(self, servable: Servable) -> Future[CachedModel]:
        """The model, at once where it is here; the future has the error where it cannot load."""
        key = _key(servable)
        with self._lock:
            if key in self._loaded:
                self._hits += 1
                self._loaded.move_to_end(key)
                ready: Future[CachedModel] = Future()
                ready.set_result(self._loaded[key])
                return ready
            if key not in self._loading:
                self._loading[key] = self._loader.submit(self._load, servable)
            return self._loading[key]

    def load(self, servable: Servable, pinned: bool) -> None:
        """Have the model in memory, and keep it there where it is `pinned`.

        Raises `PinnedModelsFull`, and what `open` raises; then it is as pinned as before.
        """
        if not pinned:
            self.get(servable).result()
            return
        with self._lock:
            self._pinning[servable.id] += 1
        try:
            self.get(servable).result()
            self._pin(servable.id)
        finally:
            with self._lock:
                self._pinning[servable.id] -= 1
                self._pinning += Counter()  # forgets those at 0

    def fit(self) -> None:
        """Make room for what the model that was used last has grown by."""
        with self._lock:
            last = next(reversed(self._loaded), None)
            self._make_room(0, keep=last)

    def unload(self, model_id: str) -> bool:
        """Drop a model, pinned or not; whether it was here."""
        with self._lock:
            self._pinned.discard(model_id)
            dropped = [key for key in self._loaded if key[0] == model_id]
            for key in dropped:
                del self._loaded[key]
            return bool(dropped)

    def uses(self) -> CacheCounts:
        """How often models were here, were loaded, and were dropped for others."""
        with self._lock:
            return CacheCounts(self._hits, self._loads, self._drops)

    def residents(self) -> tuple[LoadedModel, ...]:
        """What is here, the one used last at the end."""
        with self._lock:
            return tuple(
                LoadedModel(
                    model_id=one.servable.id,
                    name=one.servable.name,
                    version=one.servable.version,
                    engine=one.runtime.engine,
                    precision=one.runtime.precision,
                    size_bytes=one.size_bytes,
                    pinned=one.servable.id in self._pinned,
                )
                for one in self._loaded.values()
            )

    def _load(self, servable: Servable) -> CachedModel:
        key = _key(servable)
        try:
            with self._lock:
                # A first estimate; once it is loaded, it says itself what it holds.
                self._make_room(4 * servable.facts.parameters)
            loaded = self._open(servable)
            with self._lock:
                self._make_room(loaded.size_bytes)
                # One that was compiled meanwhile takes the place of what was here of it.
                for old in [one for one in self._loaded if one[0] == servable.id]:
                    del self._loaded[old]
                self._loaded[key] = loaded
                self._loads += 1
            return loaded
        finally:
            with self._lock:
                del self._loading[key]

    def _make_room(self, needed: int, keep: ModelKey | None = None) -> None:
        held = sum(one.size_bytes for one in self._loaded.values())
        for key, one in list(self._loaded.items()):
            if held + needed <= self._limit:
                return
            stays = key == keep or key[0] in self._pinned or self._pinning[key[0]]
            if not stays:
                _log.info("dropping %s@%s", one.servable.name, one.servable.version)
                self._drops += 1
                held -= self._loaded.pop(key).size_bytes

    def _pin(self, model_id: str) -> None:
        with self._lock:
            staying = self._pinned | {model_id}
            pinned = [one for one in self._loaded.values() if one.servable.id in staying]
            needed = sum(one.size_bytes for one in pinned)
            if needed > self._limit and len(pinned) > 1:
                raise PinnedModelsFull(needed, self._limit)
            self._pinned.add(model_id)


def _key(servable: Servable) -> ModelKey:
    # A model that was compiled since it was loaded is loaded anew, unless it stays what it was.
    return servable.id, servable.compiled or _NOT_COMPILED
