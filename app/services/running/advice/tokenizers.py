"""Advice on whether the models' tokenizers fit the languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.domain.enums import Format, Role
from app.domain.errors.datasets import TokenizerMissing
from app.domain.languages import script_of
from app.formats.fertility import token_fertility
from app.learn.advice.statements import inapplicable, told, untold
from app.learn.advice.tokenizer_fit import tokenizer_sentence
from app.learn.examples import texts_of
from app.services.running.advice.case import Case
from app.services.running.advice.vocabularies import vocabularies

_TARGET = (Role.TRAIN, Role.VALIDATION, Role.TEST)
_SOURCE = (Role.SOURCE, Role.SOURCE_TEST)


def tokenizers(case: Case) -> dict[str, Any]:
    """Tokens per word and character, and unknown tokens, of both models on both languages."""
    if not case.text:
        return inapplicable("Images have no tokens.")
    target = _texts(case, _TARGET, Role.UNLABELLED)
    source = _texts(case, _SOURCE, Role.SOURCE_UNLABELLED)
    if not target:
        return untold(
            "How the tokenizer cuts the target language cannot be told: there is no `train`, "
            "`validation`, `test` or `unlabelled` text of it."
        )
    if case.material.facts.format is Format.WORD_VECTORS:
        return vocabularies(case, case.before().network, case.served, source, target)
    try:
        before = _cut(case.source_folder(), source, target)
        after = _cut(case.folder, source, target)
    except TokenizerMissing:
        return inapplicable("This model has no tokenizer.")
    language = case.spec.language
    said = tokenizer_sentence(language, script_of(language), before, after)
    languages = {"source": case.source_language, "target": language}
    return told(said, languages=languages, before=before, after=after)


def _texts(case: Case, roles: tuple[Role, ...], unlabelled: Role) -> list[str]:
    examples, inputs = case.material.examples, case.material.inputs
    parts = [examples[role].inputs for role in roles if role in examples]
    parts += [inputs[unlabelled]] if unlabelled in inputs else []
    return [text for part in parts for text in texts_of(part)]


def _cut(folder: Path, source: list[str], target: list[str]) -> dict[str, Any]:
    return {
        "source": token_fertility(source, folder) if source else None,
        "target": token_fertility(target, folder),
    }
