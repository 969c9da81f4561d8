"""Advice on texts that are longer than the transferred model reads."""

from __future__ import annotations

from typing import Any

from app.domain.enums import Role
from app.formats.tables.even_sample import even_sample
from app.learn.advice.statements import inapplicable, told, untold
from app.learn.examples import texts_of
from app.services.running.advice.case import Case

_ROLES = (Role.TRAIN, Role.VALIDATION, Role.TEST)
_SAMPLE = 2000
_A_FEW = 0.01  # of the texts


def truncation(case: Case) -> dict[str, Any]:
    """The share of target texts that are cut, and of their tokens that is lost."""
    if not case.text:
        return inapplicable("Images are read whole.")
    if case.served.objective.per_word:
        return inapplicable("A tagger reads a long sentence on in further pieces.")
    examples, inputs = case.material.examples, case.material.inputs
    parts = [examples[role].inputs for role in _ROLES if role in examples]
    parts += [inputs[Role.UNLABELLED]] if Role.UNLABELLED in inputs else []
    rows = [text for part in parts for text in texts_of(part)]
    if not rows:
        return untold(
            "Whether texts are cut cannot be told: there is no `train`, `validation`, `test` or "
            "`unlabelled` text of the target language."
        )
    texts = even_sample(rows, _SAMPLE)
    lost, read = case.served.tokens_lost(texts), case.served.lengths(texts)
    truncated = sum(map(bool, lost)) / len(lost)
    share = sum(lost) / max(sum(lost) + sum(read), 1)
    numbers = {"sampled": len(texts), "truncated_share": truncated, "lost_share": share}
    return told(truncation_sentence(truncated, share), **numbers)


def truncation_sentence(truncated: float, lost: float) -> str:
    """What to think of these shares of texts and of tokens."""
    if not truncated:
        return "The model reads every target text to its end."
    said = (
        f"{truncated:.1%} of the target texts are longer than the model reads; {lost:.1%} of all "
        "tokens are cut off and played no part in training or in the scores."
    )
    if truncated < _A_FEW:
        return said
    return (
        f"{said} Ask for predictions with `window`, which reads a long text to its end and "
        "pools the answers to its parts; split long texts for training too (one row each, with "
        "the same `group`), or put what decides the label at the beginning."
    )
