"""How a model deals with two languages: vectors, labels across them, and the tokenizer's cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.data.leakage import unit_rows

_MIN_ROWS = 20
LOW_AGREEMENT = 0.3
MODERATE_AGREEMENT = 0.5  # in benchmarks/leakage.py at most 46% are found below, at least 69% above
LEAST_FOUND = 0.25  # of translations, cautiously, where agreement is below that or unknown
_FINE = 3.0  # tokens a word
_TWICE = 2.0  # tokens a word, and times the source language's
_FINER = 1.5  # times the source language's; and, with none to compare, tokens a word
_EVERY_CHARACTER = 0.9  # tokens a character
_UNKNOWN = 0.01  # of the tokens
# Written without spaces between words, so that "a word" means nothing there.
_UNSPACED = frozenset(["Hani", "Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"])
TokenCounts = dict[str, Any]


def language_distance(source: np.ndarray, target: np.ndarray, seed: int) -> dict[str, float]:
    """The distance of two languages in one encoder; vectors are float (n, width), raw.

    `mean_distance` is that of the languages' means, in units of the mean distance of a row to
    the mean of its own language: 1 says that language matters as much as meaning.
    `proxy_a_distance` is 2 (1 - 2 e), where e is the held-out error of a linear classifier that
    tells the languages apart (Ben-David et al., 2007): 0 where it cannot, 2 where it always can.
    Raises ValueError with fewer than 20 rows on a side.
    """
    if min(len(source), len(target)) < _MIN_ROWS:
        raise ValueError(f"{_MIN_ROWS} rows of each language are needed")
    means = source.mean(axis=0), target.mean(axis=0)
    spreads = [
        np.linalg.norm(rows - mean, axis=1).mean()
        for rows, mean in zip((source, target), means, strict=True)
    ]
    apart = float(np.linalg.norm(means[0] - means[1]) / max(np.mean(spreads), 1e-12))
    return {"mean_distance": apart, "proxy_a_distance": _proxy(source, target, seed)}


def translation_agreement(source: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """How alike translations are: row i of both (float (n, width)) mean the same.

    `cosine` is the mean over pairs, `cosine_of_others` over pairs that are none, `found` the
    share of rows whose nearest row of the other language is their translation (both ways, each
    language's mean removed), and `cka` the linear CKA of Kornblith et al. (2019).
    """
    here, there = source - source.mean(axis=0), target - target.mean(axis=0)
    source_units, target_units = unit_rows(source), unit_rows(target)
    cosines = unit_rows(here) @ unit_rows(there).T
    right = np.arange(len(here))
    found = [(cosines.argmax(axis=axis) == right).mean() for axis in (0, 1)]
    cross = float(np.linalg.norm(here.T @ there)) ** 2
    own = float(np.linalg.norm(here.T @ here)) * float(np.linalg.norm(there.T @ there))
    return {
        "pairs": len(here),
        "cosine": float((source_units * target_units).sum(axis=1).mean()),
        "cosine_of_others": float(
            (source_units * np.roll(target_units, 1, axis=0)).sum(axis=1).mean()
        ),
        "found": float(np.mean(found)),
        "cka": cross / max(own, 1e-12),
    }


def _proxy(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """Balanced: equally many rows of each language, by random choice."""
    # Imported here, as in all of this package: most transfers need none of it for their advice.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    random, most = np.random.default_rng(seed), min(len(source), len(target))
    parts = [rows[random.permutation(len(rows))[:most]] for rows in (source, target)]
    rows = np.concatenate(parts)
    rows = (rows - rows.mean(axis=0)) / max(float(rows.std()), 1e-12)
    sides = np.repeat([0, 1], most)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    guessed = cross_val_predict(LogisticRegression(C=0.1, max_iter=300), rows, sides, cv=folds)
    error = float((guessed != sides).mean())
    return max(0.0, 2 * (1 - 2 * error))


@dataclass(frozen=True)
class CrossLingualAgreement:
    """How much oftener than by chance a row's nearest neighbour has its label: Cohen's kappa.

    `across`: a target row's among the source rows; `in_source`, `in_target`: among the other rows
    of its own language. 0 by chance, 1 always. An English-only MiniLM has 0.16 across to Swahili
    and finds 6% of the planted translations, a multilingual E5 0.54 and 73%.
    """

    across: float
    in_source: float
    in_target: float

    @property
    def labels_follow_vectors(self) -> bool:
        """Whether labels follow the vectors within each language; the rest rests on that."""
        return min(self.in_source, self.in_target) >= LOW_AGREEMENT

    @property
    def languages_unaligned(self) -> bool:
        """Whether labels follow the vectors in each language, and yet not across them."""
        return self.labels_follow_vectors and self.across < LOW_AGREEMENT

    @property
    def inconclusive(self) -> bool:
        """Whether low agreement may be the labels' fault as well as the encoder's."""
        return not self.labels_follow_vectors and self.across < LOW_AGREEMENT

    @property
    def least_found(self) -> float:
        """A cautious guess at the share of translations that are found (benchmarks/leakage.py)."""
        return 0.5 if self.across >= MODERATE_AGREEMENT else LEAST_FOUND


def cross_lingual_agreement(
    source: np.ndarray, source_targets: np.ndarray, target: np.ndarray, target_targets: np.ndarray
) -> CrossLingualAgreement | None:
    """The agreement of labels across two languages and within each.

    Vectors (float (n, width)) are minus the mean of their language, labels int (n,). None with
    fewer than 20 rows on a side, or where chance alone is certain.
    """
    if min(len(source), len(target)) < _MIN_ROWS:
        return None
    across = _label_agreement(target, target_targets, source, source_targets)
    in_source = _label_agreement(source, source_targets)
    in_target = _label_agreement(target, target_targets)
    if across is None or in_source is None or in_target is None:
        return None
    return CrossLingualAgreement(across, in_source, in_target)


def _label_agreement(
    rows: np.ndarray,
    targets: np.ndarray,
    others: np.ndarray | None = None,
    other_targets: np.ndarray | None = None,
) -> float | None:
    """Kappa of the labels of `rows` and of their nearest `others`, or else among themselves."""
    units = unit_rows(rows)
    cosines = units @ (units if others is None else unit_rows(others)).T
    if others is None:
        np.fill_diagonal(cosines, -np.inf)
    guessed = (targets if other_targets is None else other_targets)[cosines.argmax(axis=1)]
    classes = int(max(guessed.max(), targets.max())) + 1
    shares = [np.bincount(x, minlength=classes) / len(x) for x in (guessed, targets)]
    chance = float(shares[0] @ shares[1])
    return (float((guessed == targets).mean()) - chance) / (1 - chance) if chance < 1 else None


def tokenizer_sentence(
    language: str,
    script: str | None,
    before: dict[str, TokenCounts | None],
    after: dict[str, TokenCounts | None],
) -> str:
    """What to think of the tokenizers of the source model and of the transferred one.

    `before` and `after` have the numbers of `app.formats.token_fertility` under `source` and
    `target`, the former None where there are no source texts; `script` is the target's (ISO 15924).
    """
    target, old = after["target"], before["target"]
    assert target is not None, "there are target texts"
    assert old is not None, "there are target texts"
    found = complaints_about(target, after["source"], script)
    if found:
        return (
            f"The tokenizer was not made for `{language}`: it {' and '.join(found)}. A method "
            "that gives the model another vocabulary or another encoder may do better."
        )
    sentence = _compared(language, script, target, after["source"])
    if complaints := complaints_about(old, before["source"], script):
        sentence += f" The source model's {' and '.join(complaints)}."
    return sentence


def complaints_about(
    target: TokenCounts, source: TokenCounts | None, script: str | None
) -> list[str]:
    """What is bad about cutting the target language so, as ends of "the tokenizer ...".

    `target` and `source` have `tokens_per_word`, `tokens_per_character` and `unknown_share` of
    each language's rows under one tokenizer. Bad are two tokens a word that are also twice the
    source's, three that are one and a half times the source's or have nothing to be compared
    with (Rust et al., 2021), a token for every character, and 1% of unknown tokens, of which the
    model sees nothing.
    """
    found = []
    if target["unknown_share"] >= _UNKNOWN:
        found.append(f"does not know {target['unknown_share']:.1%} of the tokens")
    word, character = target["tokens_per_word"], target["tokens_per_character"]
    usual = None if source is None else source["tokens_per_word"]
    if character >= _EVERY_CHARACTER:
        found.append(f"cuts each character into {character:.1f} tokens")
    elif script not in _UNSPACED and _too_fine(word, usual):
        beside = "" if usual is None else f", where the source language has {usual:.2f}"
        found.append(f"cuts each word into {word:.2f} tokens{beside}")
    return found


def _too_fine(word: float, usual: float | None) -> bool:
    if usual is None:
        return word >= _FINE
    return word >= max(_TWICE, _TWICE * usual) or word >= max(_FINE, _FINER * usual)


def _compared(
    language: str, script: str | None, target: TokenCounts, source: TokenCounts | None
) -> str:
    """A sentence without a complaint, which claims no more than the numbers show."""
    if script in _UNSPACED:
        return (
            f"The tokenizer makes {target['tokens_per_character']:.2f} tokens of each character "
            f"of `{language}`, and knows them; words are not compared in a script without spaces."
        )
    word = target["tokens_per_word"]
    if source is None:
        usual = "about as many as" if word < _FINER else "more than"
        return (
            f"The tokenizer cuts each word of `{language}` into {word:.2f} tokens, {usual} is "
            "usual for a language that a tokenizer was made for (1.2 to 1.5)."
        )
    times = word / max(source["tokens_per_word"], 1e-9)
    fineness = "about as finely as" if times < _FINER else f"{times:.1f} times as finely as"
    return (
        f"The tokenizer cuts each word of `{language}` into {word:.2f} tokens, {fineness} the "
        f"source language ({source['tokens_per_word']:.2f})."
    )
