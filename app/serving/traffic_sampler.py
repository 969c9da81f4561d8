"""An observer of the data plane that remembers a sample of what was answered."""

from __future__ import annotations

import random
from typing import Any

from app.domain.models import TextInput
from app.domain.predictions import AnyPrediction
from app.domain.traffic import Sample, labels_of
from app.services.record_traffic import TrafficRecorder
from app.serving.observation import Observation

# Of a text, what is enough to tell its language and its length's bin.
_CHARACTERS = 2600


class TrafficSampler:
    """Hands each answered input on by chance; `share` is how probable that is."""

    def __init__(self, recorder: TrafficRecorder, share: float) -> None:
        self._recorder = recorder
        self._share = share

    def __call__(self, observation: Observation) -> None:
        """Draw, and let the recorder do the rest away from the request."""
        if observation.predictions is None or not self._share:
            return
        pairs = zip(observation.inputs, observation.predictions, strict=True)
        drawn = [pair for pair in pairs if random.random() < self._share]
        if drawn:
            facts = observation.model.facts
            texts = facts is not None and isinstance(facts.input, TextInput)
            id = observation.model.id
            self._recorder.take([_sample(id, *pair, texts) for pair in drawn])


def _sample(model_id: str, given: Any, prediction: AnyPrediction, is_text: bool) -> Sample:
    labels, confidence = labels_of(prediction)
    return Sample(model_id, _text(given) if is_text else None, labels, confidence)


def _text(given: Any) -> str:
    """The text of an input: texts, bytes of UTF-8, or a list of words."""
    if isinstance(given, bytes):
        # A character has up to four bytes.
        return given[: 4 * _CHARACTERS].decode("utf-8", "replace")[:_CHARACTERS]
    return (given if isinstance(given, str) else " ".join(given))[:_CHARACTERS]
