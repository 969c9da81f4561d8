"""The use case that remembers a sample of live traffic: counted in memory, added to the table."""

from __future__ import annotations

import logging
import queue
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.identity import now
from app.domain.traffic import Counts, RecordedText, Sample, add_sample
from app.formats.tables.identifier import identify
from app.services.context import Context
from app.store import traffic
from app.store.patience import is_transient

_log = logging.getLogger(__name__)
# Samples that wait to be counted; those that come on top are dropped.
_MOST_WAITING = 10_000
_MOST_TEXTS = 100
# PostgreSQL's BIGINT is signed.
_RANKS = 2**62


@dataclass
class _Unsaved:
    counts: dict[traffic.Place, Counts] = field(default_factory=dict)
    texts: dict[traffic.Place, list[RecordedText]] = field(default_factory=dict)


class TrafficRecorder:
    """Takes samples at once, and counts them when `flush` is called from a thread.

    Texts themselves are kept only with the setting `record_texts`, at most 100 of a model and day.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: queue.Queue[Sample] = queue.Queue(_MOST_WAITING)
        self._unsaved = _Unsaved()

    def take(self, samples: Iterable[Sample]) -> None:
        """Take samples to be counted later; those for which there is no room are dropped."""
        for sample in samples:
            try:
                self._waiting.put_nowait(sample)
            except queue.Full:
                return

    def flush(self) -> None:
        """Identify languages, count, and add to the table.

        What the database cannot take now is kept for the next call, and its error raised; what it
        refuses is dropped, a model and day by itself, and stops nothing else.
        """
        while True:
            try:
                self._count(self._waiting.get_nowait())
            except queue.Empty:
                break
        try:
            self._save(list(self._unsaved.counts))
        except Exception as error:
            if is_transient(error):
                raise
            _log.warning("the sample of traffic is saved model by model: %s", error)
            for place in list(self._unsaved.counts):
                self._save_or_drop(place)

    def _save_or_drop(self, place: traffic.Place) -> None:
        try:
            self._save([place])
        except Exception as error:
            if is_transient(error):
                raise
            _log.exception("a sample of traffic that the database refuses is dropped")
            self._forget([place])

    def _save(self, places: list[traffic.Place]) -> None:
        if not places:
            return
        with self._context.sessions.begin() as session:
            traffic.add(session, {place: self._unsaved.counts[place] for place in places})
            texts = [text for place in places for text in self._unsaved.texts.get(place, ())]
            traffic.keep_texts(session, texts, _MOST_TEXTS)
        self._forget(places)

    def _forget(self, places: list[traffic.Place]) -> None:
        for place in places:
            del self._unsaved.counts[place]
            self._unsaved.texts.pop(place, None)

    def _count(self, sample: Sample) -> None:
        language = None if sample.text is None else identify(sample.text)
        place = (sample.model_id, now().date().isoformat())
        add_sample(self._unsaved.counts.setdefault(place, {}), sample, language)
        if self._context.settings.record_texts and sample.text is not None:
            self._record(place, sample.text, language or "", sample)

    def _record(self, place: traffic.Place, text: str, language: str, sample: Sample) -> None:
        texts = self._unsaved.texts.setdefault(place, [])
        rank = secrets.randbelow(_RANKS)
        texts.append(
            RecordedText(*place, rank, _storable(text), language, sample.labels, sample.confidence)
        )
        if len(texts) > 2 * _MOST_TEXTS:
            texts.sort(key=lambda one: one.rank)
            del texts[_MOST_TEXTS:]


def _storable(text: str) -> str:
    """The text without what a database cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
