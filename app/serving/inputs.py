"""Turns the inputs of a prediction request into what networks take, or says which is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.domain.enums import Task
from app.domain.errors.predictions import UnusableInput
from app.domain.models import ImageInput, ModelFacts
from app.serving.images import prepare_image
from app.serving.sentences import Sentence, prepare_sentence

PreparedInputs = list[str] | list[np.ndarray] | list[Sentence]


def prepare_inputs(facts: ModelFacts, inputs: list[Any]) -> PreparedInputs:
    """Texts, sentences, or uint8 images (channels, height, width), as the facts demand.

    A text may be its UTF-8 bytes, an image the bytes of a file or an array of numbers.
    Decoding images takes a while; call it off the event loop. Raises UnusableInput and
    ImageOfAnotherShape, which name the input's position.
    """
    if isinstance(facts.input, ImageInput):
        wanted = facts.input
        return [prepare_image(position, given, wanted) for position, given in enumerate(inputs)]
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [_prepare_sentence(position, given) for position, given in enumerate(inputs)]
    return [_prepare_text(position, given) for position, given in enumerate(inputs)]


def decode_text(position: int, given: bytes) -> str:
    """The text of UTF-8 bytes; raises UnusableInput."""
    try:
        return given.decode("utf-8")
    except UnicodeDecodeError as cause:
        problem = f"is no UTF-8 text: byte {cause.start} is wrong"
        raise UnusableInput(position, problem, "Send texts in UTF-8.") from cause


def _prepare_sentence(position: int, given: Any) -> Sentence:
    if isinstance(given, bytes):
        given = decode_text(position, given)
    sentence = prepare_sentence(position, given)
    _prepare_text(position, sentence.text)
    return sentence


def _prepare_text(position: int, given: Any) -> str:
    if isinstance(given, bytes):
        given = decode_text(position, given)
    if not isinstance(given, str):
        kind = type(given).__name__
        raise UnusableInput(position, f"is no text but {kind}", "This model takes texts.")
    if not given.strip():
        raise UnusableInput(position, "is empty", "Leave empty texts out of the request.")
    try:
        given.encode("utf-8")
    except UnicodeEncodeError as cause:
        problem = f"holds half a character (a lone surrogate) at {cause.start}"
        raise UnusableInput(position, problem, "Send whole Unicode characters.") from cause
    return given
