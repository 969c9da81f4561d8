"""Advice on how much of the texts a model of word vectors knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.formats.tables.even_sample import even_sample
from app.learn.advice.statements import told
from app.services.running.advice.case import Case

if TYPE_CHECKING:
    from app.learn.network import Network

_SAMPLE = 2000
_UNKNOWN = 0.3


def vocabularies(
    case: Case,
    before: Network,
    after: Network,
    source: list[str],
    target: list[str],
) -> dict[str, Any]:
    """The share of letters in words that have no vector, in both models and both languages."""
    old, new = (_unknown(network, target) for network in (before, after))
    shares = {
        name: {
            "source": {"unknown_share": _unknown(network, source)} if source else None,
            "target": {"unknown_share": share},
        }
        for name, network, share in (("before", before, old), ("after", after, new))
    }
    said = f"Of the letters in `{case.spec.language}` texts {new:.0%} stand in words without a "
    said += f"vector; by the source model it were {old:.0%}."
    if new >= _UNKNOWN:
        said += " The model does not see these words; vectors of more words, or made of parts of "
        said += "words, would help."
    return told(said, **shares)


def _unknown(network: Network, texts: list[str]) -> float:
    from app.learn.word_vectors.network import WordVectorNetwork

    assert isinstance(network, WordVectorNetwork), "the format has no other networks"
    letters = known = 0
    for text in even_sample(texts, _SAMPLE):
        letters += sum(character.isalnum() for character in text)
        known += network.vocabulary_of(text).find(text)[1]
    return round(max(0.0, 1 - known / max(letters, 1)), 4)
