"""The pairs of words that the first map is fitted to."""

from __future__ import annotations

from app.domain.errors.alignment import DictionaryMissing, DictionaryTooSmall
from app.learn.alignment.seeds import identical_words, similarity_distributions
from app.methods.align.dictionary import Positions, SplitDictionary
from app.methods.align.languages import Language
from app.methods.align.spec import AlignParameters, Seed

# Self-learning starts from as few pairs (Artetxe et al., 2017); an orthogonal map fitted once
# needs as many as a vector has numbers, or directions are left to chance.
_FEWEST_PAIRS = 25


def first_pairs(
    kind: Seed,
    source: Language,
    target: Language,
    given: SplitDictionary | None,
    parameters: AlignParameters,
) -> Positions:
    """Source and target ranks, int64 (pairs,) each; raises DictionaryMissing."""
    if kind is Seed.DICTIONARY:
        if given is None:
            raise DictionaryMissing
        return given.train
    if kind is Seed.UNSUPERVISED:
        steps = parameters.normalisation
        return similarity_distributions(source.normal, target.normal, steps)
    words = [one.vocabulary.words[: parameters.vocabulary] for one in (source, target)]
    first, second = identical_words(*words)
    return first.to(source.normal.device), second.to(source.normal.device)


def require_enough(
    pairs: Positions, learns: bool, width: int, given: SplitDictionary | None
) -> None:
    """Raise DictionaryTooSmall where the pairs are too few for the map's rank."""
    needed = min(_FEWEST_PAIRS, width) if learns else width
    if len(pairs[0]) < needed:
        counts = (given.given, given.missing_source, given.missing_target) if given else None
        total, *missing = counts or (len(pairs[0]), 0, 0)
        raise DictionaryTooSmall(len(pairs[0]), needed, total, *missing)
