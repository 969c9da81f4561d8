"""The two languages that are aligned, as tensors and words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from app.domain.errors.word_vectors import WidthsDiffer
from app.learn.alignment.normalisation import normalised
from app.learn.alignment.steps import Step
from app.learn.devices import best_device
from app.learn.word_vectors.network import WordVectorNetwork
from app.learn.word_vectors.vocabulary import Vocabulary
from app.methods.contract import MethodInput


@dataclass(frozen=True)
class Language:
    """Vocabulary and vectors of one language, float32 (words, width), on the device of work."""

    vocabulary: Vocabulary
    raw: Tensor
    normal: Tensor

    @cached_property
    def size(self) -> int:
        """How many words there are."""
        return len(self.vocabulary)


def languages_of(given: MethodInput) -> tuple[Language, Language]:
    """Source and target; raises WidthsDiffer."""
    source, target = given.network, given.companion
    if not isinstance(source, WordVectorNetwork) or not isinstance(target, WordVectorNetwork):
        raise TypeError("align works on networks of word vectors; its specification says so")
    if source.width != target.width:
        raise WidthsDiffer(source.width, target.width)
    steps = given.parameters.normalisation
    return (
        _language(source, given.source_language, steps),
        _language(target, given.target_language, steps),
    )


def _language(network: WordVectorNetwork, tag: str, steps: tuple[Step, ...]) -> Language:
    vocabulary = network.vocabulary_for(tag)
    raw = network.vectors[vocabulary.rows].to(best_device())
    return Language(Vocabulary(tag, vocabulary.words), raw, normalised(raw, steps))
