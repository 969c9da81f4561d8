"""Advice on the rows: leaks into the test, wrong languages, tokens and truncated texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.domain.enums import EvaluationKind, Format, Role
from app.domain.errors.transfers import TokenizerMissing
from app.domain.languages import script_of
from app.formats.dataset_report import even_sample
from app.formats.token_fertility import token_fertility
from app.learn.advice.languages import (
    LEAST_FOUND,
    MODERATE_AGREEMENT,
    CrossLingualAgreement,
    cross_lingual_agreement,
    tokenizer_sentence,
)
from app.learn.advice.statements import give_advice, not_applicable, withhold_advice
from app.learn.data.examples import Examples, texts_of
from app.learn.data.leakage import find_translations, near_duplicates
from app.learn.data.splits import clusters
from app.learn.intervals import Clusters, share_interval
from app.services.transfers.advice.finished_transfer import EncodedRows, FinishedTransfer

if TYPE_CHECKING:
    from app.learn.network import Network


_MAX_TRAIN_TEXTS = 20_000
_MAX_TEST_TEXTS = 5_000
MAX_MISSED_SHARE = 0.05  # of the other test rows
_UNKNOWN_EFFECT = "What that adds to the score is unknown: give group ids of translations."
_MAX_PAIRS = 100
_MAX_EXAMPLES = 5
_MAX_CHARACTERS = 160
_TARGET_ROLES = (Role.TRAIN, Role.VALIDATION, Role.TEST)
_SOURCE_ROLES = (Role.SOURCE, Role.SOURCE_TEST)
_SAMPLE = 2000
_HIGH_UNKNOWN_SHARE = 0.3
_SMALL_SHARE = 0.01  # of the texts


def leakage_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """Near copies of test rows among the training rows, translations of them among source rows.

    Rows that share a group id or their whole content with test rows were dropped before. These
    here are only reported, with the accuracy on the test rows that were looked at and are not
    among them; not where so many were found that many of the others will have been missed.
    """
    test = finished.held_out.test
    if not finished.text:
        return not_applicable(
            "Near copies and translations are looked for among texts, not images."
        )
    if test is None:
        return not_applicable(
            "There are no test rows that other rows could give away. Send a `test` dataset."
        )
    dropped = sum(report["dropped"] for report in finished.held_out.leaks.values())
    copies, translations = _near_copies(finished, test), translated_rows(finished, test)
    sentences = [_dropped_sentence(dropped), copies["sentence"], translations["sentence"]]
    touched = copies.pop("touched", set()) | translations.pop("touched", set())
    compared = [part.pop("compared") for part in (copies, translations) if "compared" in part]
    facts: dict[str, Any] = {"near_copies": copies, "translations": translations}
    if touched and finished.single_label:
        others = set.intersection(*compared) - touched
        missed = translations.get("missed", 0)
        clean = missed <= MAX_MISSED_SHARE * len(others)
        facts["without_them"] = left = _accuracy_on(finished, test, others) if clean else None
        sentences.append(_clean_score_sentence(len(touched), left) if clean else _UNKNOWN_EFFECT)
    return give_advice(" ".join(sentences), dropped=dropped, **facts)


def _near_copies(finished: FinishedTransfer, test: Examples) -> dict[str, Any]:
    train = finished.best.partition.train
    if train is None:
        return withhold_advice("There are no training rows that could be near copies of test rows.")
    train_rows, test_rows = (
        _sampled_rows(train, _MAX_TRAIN_TEXTS, finished),
        _sampled_rows(test, _MAX_TEST_TEXTS, finished),
    )
    duplicates = near_duplicates(texts_of(train_rows.inputs), texts_of(test_rows.inputs))
    leaks = LeakedPairs(train_rows, test_rows, duplicates)
    sentence = f"{leaks.found} test row(s) are nearly the same text as a training row."
    return give_advice(
        sentence, **leaks.report(), touched=leaks.test_rows(), compared=leaks.compared_rows()
    )


def _sampled_rows(rows: Examples, most: int, finished: FinishedTransfer) -> Examples:
    chosen = np.random.default_rng(finished.spec.seed).permutation(len(rows))[:most]
    return rows.take(np.sort(chosen))


def _dropped_sentence(dropped: int) -> str:
    if not dropped:
        return "No row shared its group or its whole content with a test row."
    return f"{dropped} row(s) that shared a group or their content with test rows were dropped."


def _accuracy_on(
    finished: FinishedTransfer, test: Examples, rows: set[int]
) -> dict[str, Any] | None:
    """The accuracy on the test rows of these numbers, with its 95% interval; None without any."""
    answered = finished.compared.on_test.get(EvaluationKind.TRANSFERRED)
    kept = np.flatnonzero([int(row) in rows for row in test.rows])
    if answered is None or not len(kept):
        return None
    right = answered[kept].argmax(axis=1) == test.targets[kept]
    parts = Clusters.of(clusters(test)[kept], len(kept))
    return share_interval(parts.sums(right), parts.sums(np.ones(len(kept)))) | {"rows": len(kept)}


def _clean_score_sentence(touched: int, left: dict[str, Any] | None) -> str:
    if left is None:
        return "No test row is left without them."
    interval = ""
    if left["low"] is not None:
        interval = f" (95% interval {left['low']:.1%} to {left['high']:.1%})"
    return (
        f"On the {left['rows']} test rows other than these {touched} the accuracy is "
        f"{left['value']:.1%}{interval}."
    )


def translated_rows(finished: FinishedTransfer, test: Examples) -> dict[str, Any]:
    """Mutual nearest neighbours between source and test rows, each language's mean removed.

    `cross_lingual_agreement` says how well the encoder relates the two languages
    (`app.learn.advice.languages`), on labelled rows other than the test rows; where that is low
    nothing is looked for. `missed` is a cautious guess at how many more translations there are.
    """
    source = finished.held_out.source
    if not finished.single_label:
        return not_applicable("Translations are looked for where each row has one label.")
    if source is None:
        return withhold_advice("There are no source rows that could be translations of test rows.")
    if finished.source_language.split("-")[0] == finished.spec.language.split("-")[0]:
        return withhold_advice("Source and target are one language, so there are no translations.")
    encoder, labelled = finished.language_encoder(), finished.labelled()
    source_rows = encoder.encode("source", source.inputs)
    test_rows = encoder.encode("test", test.inputs)
    known = None if labelled is None else encoder.encode("labelled", labelled.inputs)
    target_mean = _target_mean(test_rows, known)
    source_vectors = source_rows.vectors - source_rows.vectors.mean(axis=0)
    agreement = None
    if labelled is not None and known is not None:
        agreement = cross_lingual_agreement(
            source_vectors,
            source.targets[source_rows.positions],
            known.vectors - target_mean,
            labelled.targets[known.positions],
        )
    agreement_facts = None if agreement is None else asdict(agreement)
    if agreement is not None and agreement.languages_unaligned:
        return withhold_advice(_blind_sentence(agreement), cross_lingual_agreement=agreement_facts)
    if agreement is not None and agreement.inconclusive:
        return withhold_advice(_unsure_sentence(agreement), cross_lingual_agreement=agreement_facts)
    leaks = LeakedPairs(
        source.take(source_rows.positions),
        test.take(test_rows.positions),
        find_translations(source_vectors, test_rows.vectors - target_mean),
    )
    least = LEAST_FOUND if agreement is None else agreement.least_found
    missed = round(leaks.found * (1 / least - 1))
    facts = leaks.report() | {"cross_lingual_agreement": agreement_facts, "missed": missed}
    sentence = translations_sentence(leaks.found, missed, agreement)
    return give_advice(sentence, **facts, touched=leaks.test_rows(), compared=leaks.compared_rows())


def translations_sentence(found: int, missed: int, agreement: CrossLingualAgreement | None) -> str:
    """How many test rows look translated, and what the check may have missed."""
    sentence = f"{found} test row(s) look translated from source rows"
    if missed:
        return f"{sentence}, perhaps {missed} more."
    if agreement is None:
        return f"{sentence}; without target labels it is unknown how many the encoder misses."
    if agreement.across < MODERATE_AGREEMENT:
        return f"{sentence}; the encoder may miss most, as it relates the two languages weakly."
    return f"{sentence}."


def _target_mean(test: EncodedRows, labelled: EncodedRows | None) -> np.ndarray:
    """The mean vector (width,) of the target language, over all rows that were encoded."""
    parts = [test.vectors] if labelled is None else [test.vectors, labelled.vectors]
    mean: np.ndarray = np.concatenate(parts).mean(axis=0)
    return mean


def _blind_sentence(agreement: CrossLingualAgreement) -> str:
    within = min(agreement.in_source, agreement.in_target)
    return (
        "Whether source rows translate test rows is unknown: the encoder does not relate the "
        f"two languages (agreement of nearest rows' labels across them {agreement.across:.2f}, "
        f"where 0 is chance, and {within:.2f} within each), so this check cannot find them. Give "
        "group ids of translations."
    )


def _unsure_sentence(agreement: CrossLingualAgreement) -> str:
    where = "target" if agreement.in_target <= agreement.in_source else "source"
    least = min(agreement.in_source, agreement.in_target)
    return (
        "Whether source rows translate test rows is unknown: even within the "
        f"{where} language the labels of nearest rows hardly agree ({least:.2f}, where 0 is "
        "chance). Either labels are wrong, or the encoder does not distinguish such texts. "
        "Look at some labelled rows; give group ids of translations."
    )


@dataclass(frozen=True)
class LeakedPairs:
    """`pairs` are (position in `rows`, position in `test`, score), the surest first."""

    rows: Examples
    test: Examples
    pairs: list[tuple[int, int, float]]

    @property
    def found(self) -> int:
        """How many pairs there are."""
        return len(self.pairs)

    def test_rows(self) -> set[int]:
        """The numbers of the test rows that are given away."""
        return {int(self.test.rows[j]) for _, j, _ in self.pairs}

    def compared_rows(self) -> set[int]:
        """The numbers of the test rows that were looked at."""
        return {int(row) for row in self.test.rows}

    def report(self) -> dict[str, Any]:
        """How many rows were looked at and found; a hundred pairs by number, five with texts."""
        return {
            "looked_at": len(self.rows),
            "test_rows_looked_at": len(self.test),
            "found": self.found,
            "pairs": [self._numbers(pair) for pair in self.pairs[:_MAX_PAIRS]],
            "examples": [
                self._numbers(pair) | self._texts(pair) for pair in self.pairs[:_MAX_EXAMPLES]
            ],
        }

    def _numbers(self, pair: tuple[int, int, float]) -> dict[str, Any]:
        i, j, score = pair
        return {
            "row": int(self.rows.rows[i]),
            "test_row": int(self.test.rows[j]),
            "score": round(score, 4),
        }

    def _texts(self, pair: tuple[int, int, float]) -> dict[str, str]:
        i, j, _ = pair
        return {
            "text": texts_of(self.rows.inputs[i : i + 1])[0][:_MAX_CHARACTERS],
            "test_text": texts_of(self.test.inputs[j : j + 1])[0][:_MAX_CHARACTERS],
        }


def wrong_language_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """By role, what the report of each dataset of texts says; found when it was registered."""
    if not finished.text:
        return not_applicable("Images are in no language.")
    reports = {
        role: dataset.facts.report["wrong_language"]
        for role, dataset in finished.inputs.datasets.items()
        if dataset.facts is not None and "wrong_language" in dataset.facts.report
    }
    if not reports:
        return not_applicable("None of the datasets was checked row by row.")
    if not any(map(_judged_rows, reports.values())):
        return withhold_advice(
            "Whether rows are in another language than their dataset's is unknown: they are "
            "too short, or their language is one that is not known.",
            datasets={role.value: found for role, found in reports.items()},
        )
    return give_advice(
        _wrong_language_sentence(reports),
        datasets={role.value: found for role, found in reports.items()},
    )


def _wrong_language_sentence(reports: dict[Role, dict[str, Any]]) -> str:
    found = [
        f"{report['wrong']} of {role} (first rows {', '.join(map(str, report['rows'][:5]))})"
        for role, report in reports.items()
        if report["wrong"]
    ]
    judged, looked_at = sum(map(_judged_rows, reports.values())), _rows_looked_at(reports)
    if not found:
        return (
            f"Of {judged} rows that could be judged (of {looked_at}) none is surely in another "
            "language than its dataset's."
        )
    return f"These rows are surely in another language than their dataset's: {'; '.join(found)}."


def _judged_rows(report: dict[str, Any]) -> int:
    return int(report["looked_at"] - report["abstained"])


def _rows_looked_at(reports: dict[Role, dict[str, Any]]) -> int:
    return sum(int(report["looked_at"]) for report in reports.values())


def tokenizer_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """Tokens per word and character, and unknown tokens, of both models on both languages."""
    if not finished.text:
        return not_applicable("Images have no tokens.")
    target = _texts(finished, _TARGET_ROLES, Role.UNLABELLED)
    source = _texts(finished, _SOURCE_ROLES, Role.SOURCE_UNLABELLED)
    if not target:
        return withhold_advice(
            "How the tokenizer splits the target language is unknown: there is no `train`, "
            "`validation`, `test` or `unlabelled` text of it."
        )
    if finished.inputs.facts.format is Format.WORD_VECTORS:
        return word_coverage_advice(
            finished, finished.source_encoder().network, finished.served, source, target
        )
    try:
        before = _fertility(finished.source_folder(), source, target)
        after = _fertility(finished.folder, source, target)
    except TokenizerMissing:
        return not_applicable("This model has no tokenizer.")
    language = finished.spec.language
    sentence = tokenizer_sentence(language, script_of(language), before, after)
    languages = {"source": finished.source_language, "target": language}
    return give_advice(sentence, languages=languages, before=before, after=after)


def _texts(finished: FinishedTransfer, roles: tuple[Role, ...], unlabelled: Role) -> list[str]:
    examples, plain = finished.inputs.examples, finished.inputs.unlabelled
    parts = [examples[role].inputs for role in roles if role in examples]
    parts += [plain[unlabelled]] if unlabelled in plain else []
    return [text for part in parts for text in texts_of(part)]


def _fertility(folder: Path, source: list[str], target: list[str]) -> dict[str, Any]:
    return {
        "source": token_fertility(source, folder) if source else None,
        "target": token_fertility(target, folder),
    }


def word_coverage_advice(
    finished: FinishedTransfer,
    before: Network,
    after: Network,
    source: list[str],
    target: list[str],
) -> dict[str, Any]:
    """The share of letters in words that have no vector, in both models and both languages."""
    old, new = (_unknown_share(network, target) for network in (before, after))
    shares = {
        name: {
            "source": {"unknown_share": _unknown_share(network, source)} if source else None,
            "target": {"unknown_share": share},
        }
        for name, network, share in (("before", before, old), ("after", after, new))
    }
    sentence = (
        f"Of the letters in `{finished.spec.language}` texts {new:.0%} stand in words without a "
    )
    sentence += f"vector; by the source model it were {old:.0%}."
    if new >= _HIGH_UNKNOWN_SHARE:
        sentence += (
            " The model does not see these words; vectors of more words, or made of parts of "
        )
        sentence += "words, would help."
    return give_advice(sentence, **shares)


def _unknown_share(network: Network, texts: list[str]) -> float:
    from app.learn.word_vectors import WordVectorNetwork

    assert isinstance(network, WordVectorNetwork), "the format has no other networks"
    letters = known = 0
    for text in even_sample(texts, _SAMPLE):
        letters += sum(character.isalnum() for character in text)
        known += network.vocabulary_of(text).find(text)[1]
    return round(max(0.0, 1 - known / max(letters, 1)), 4)


def truncation_advice(finished: FinishedTransfer) -> dict[str, Any]:
    """The share of target texts that are cut, and of their tokens that is lost."""
    if not finished.text:
        return not_applicable("Images are read whole.")
    if finished.served.objective.per_word:
        return not_applicable("A tagger reads a long sentence on in further windows.")
    rows = _texts(finished, _TARGET_ROLES, Role.UNLABELLED)
    if not rows:
        return withhold_advice(
            "Whether texts are cut is unknown: there is no `train`, `validation`, `test` or "
            "`unlabelled` text of the target language."
        )
    texts = even_sample(rows, _SAMPLE)
    lost, read = finished.served.tokens_lost(texts), finished.served.lengths(texts)
    truncated = sum(map(bool, lost)) / len(lost)
    share = sum(lost) / max(sum(lost) + sum(read), 1)
    numbers = {"sampled": len(texts), "truncated_share": truncated, "lost_share": share}
    return give_advice(truncation_sentence(truncated, share), **numbers)


def truncation_sentence(truncated: float, lost: float) -> str:
    """What to think of these shares of texts and of tokens."""
    if not truncated:
        return "The model reads every target text to its end."
    sentence = (
        f"{truncated:.1%} of the target texts are longer than the model reads; {lost:.1%} of all "
        "tokens are cut off and played no part in training or in the scores."
    )
    if truncated < _SMALL_SHARE:
        return sentence
    return (
        f"{sentence} Ask for predictions with `window`, which reads a long text to its end and "
        "pools the answers to its parts; split long texts for training too (one row each, with "
        "the same `group`), or put what decides the label at the beginning."
    )
