"""Each piece of advice on planted truth: where it must be said, and where it must not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from app.domain.enums import EvaluationKind, Role
from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.formats.tables.language import wrong_language_rows
from app.formats.token_fertility import token_fertility
from app.learn.advice.languages import CrossLingualAgreement, tokenizer_sentence
from app.learn.advice.learning_curve import draw_learning_curve
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.services.transfers.advice.advise import (
    abstention_advice,
    language_distance_advice,
    learning_curve_advice,
)
from app.services.transfers.advice.data import (
    leakage_advice,
    translations_sentence,
    truncation_advice,
    word_coverage_advice,
    wrong_language_advice,
)
from app.services.transfers.advice.finished_transfer import EncodedRows, FinishedTransfer
from tests.support.models import a_text_classifier

CLASSES, WIDTH = 4, 48
ENGLISH = "The children play football on the field every day after school and go home late."
GERMAN = "Die Kinder spielen jeden Tag nach der Schule auf dem Spielfeld und gehen spät heim."


@dataclass
class World:
    """Rows of two languages whose vectors are known: meaning, and some noise of the language.

    `related` tells whether the encoder gives rows of one meaning like vectors in both; `leaked`
    test rows stand among the source rows in translation; `noise` is what a translation loses.
    """

    related: bool = True
    leaked: int = 0
    noise: float = 0.15
    tests: int = 200
    shuffled: bool = False
    seed: int = 0
    vectors: dict[str, np.ndarray] = field(default_factory=dict)

    def finished_transfer(self) -> FinishedTransfer:
        """A finished transfer over these rows, as far as advice looks at it."""
        random = np.random.default_rng(self.seed)
        source, labelled, test = (self._rows(n, random) for n in (400, 150, self.tests))
        meanings = source[0].copy()
        meanings[: self.leaked] = test[0][: self.leaked]
        source[1][: self.leaked] = test[1][: self.leaked]
        turn = (
            np.eye(WIDTH) if self.related else np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0]
        )
        self.vectors = {
            "source": self._said(meanings, random),
            "labelled": self._said(labelled[0], random) @ turn + 2,
            "test": self._said(test[0], random) @ turn + 2,
        }
        targets = random.permutation(labelled[1]) if self.shuffled else labelled[1]
        train = _examples("Zeile", targets)
        answers = np.eye(CLASSES, dtype=np.float32)[test[1]]
        held_out = SimpleNamespace(
            test=_examples("Prüfung", test[1]),
            source=_examples("line", source[1]),
            source_test=None,
            leaks={},
            unlabelled={},
            pairs={},
        )
        view = SimpleNamespace(encode=self._view)
        finished = SimpleNamespace(
            held_out=held_out,
            single_label=True,
            text=True,
            spec=SimpleNamespace(seed=0, language="de"),
            seconds=60.0,
            source_language="en",
            monitor=NullMonitor(),
            best=SimpleNamespace(
                partition=SimpleNamespace(train=train), output=SimpleNamespace(rebuilt=False)
            ),
            compared=SimpleNamespace(on_test={EvaluationKind.TRANSFERRED: answers}),
            labelled=lambda: train,
            language_encoder=lambda: view,
            source_encoder=lambda: view,
            transferred_encoder=lambda: view,
            source_rows=lambda: held_out.source,
        )
        return cast("FinishedTransfer", finished)

    def _rows(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        targets = np.arange(count) % CLASSES
        topics = 3.0 * np.eye(CLASSES, WIDTH)[targets]
        return topics + random.normal(size=(count, WIDTH)), targets.astype(np.int64)

    def _said(self, meanings: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return meanings + self.noise * random.normal(size=meanings.shape)

    def _view(self, part: str, _: Any) -> EncodedRows:
        vectors = self.vectors[part]
        return EncodedRows(np.arange(len(vectors)), vectors)


def _examples(word: str, targets: np.ndarray) -> Examples:
    # Random letters, so that none is nearly another.
    letters = np.random.default_rng(len(word)).integers(97, 123, (len(targets), 24), dtype=np.uint8)
    texts = [f"{word} {row.tobytes().decode()}" for row in letters]
    return Examples(texts, targets, np.arange(1, len(targets) + 1))


def test_translations_that_were_planted_are_reported_and_no_others() -> None:
    planted = leakage_advice(World(leaked=8).finished_transfer())
    pairs = {(one["row"], one["test_row"]) for one in planted["translations"]["pairs"]}
    assert len(pairs & {(i, i) for i in range(1, 9)}) >= 7
    assert len(pairs) <= 12
    clean = leakage_advice(World(leaked=0).finished_transfer())
    assert clean["translations"]["found"] <= 4  # of 200 test rows


@pytest.mark.parametrize(
    ("found", "missed", "across", "said"),
    [
        (8, 24, 0.39, "8 test row(s) look translated from source rows, perhaps 24 more."),
        (0, 0, 0.39, "0 test row(s) look translated from source rows; the encoder may miss most"),
        (0, 0, 0.6, "0 test row(s) look translated from source rows."),
        (0, 0, None, "without target labels it is unknown how many"),
    ],
)
def test_translations_are_reported_with_a_guess_at_those_missed(
    found: int, missed: int, across: float | None, said: str
) -> None:
    seeing = None if across is None else CrossLingualAgreement(across, 0.8, 0.8)
    assert said in translations_sentence(found, missed, seeing)


def test_the_accuracy_without_a_few_leaked_rows_is_reported() -> None:
    found = leakage_advice(World(leaked=6).finished_transfer())
    assert found["without_them"]["rows"] == 200 - len(found["translations"]["pairs"])
    assert "test rows other than these" in found["sentence"]


@pytest.mark.parametrize("noise", [0.15, 0.6])
def test_no_accuracy_is_called_free_of_a_leak_of_all_test_rows(noise: float) -> None:
    found = leakage_advice(World(leaked=200, noise=noise).finished_transfer())
    assert found["translations"]["found"] > 20
    assert found["without_them"] is None
    assert (
        "What that adds to the score is unknown" in found["sentence"]
        or "No test row is left" in found["sentence"]
    )
    assert "the accuracy is" not in found["sentence"]


def test_an_encoder_that_does_not_relate_the_languages_is_called_blind() -> None:
    found = leakage_advice(World(related=False).finished_transfer())["translations"]
    assert found["status"] == "withheld"
    assert "does not relate the two languages" in found["sentence"]


def test_an_encoder_is_not_blamed_for_shuffled_labels() -> None:
    found = leakage_advice(World(shuffled=True).finished_transfer())["translations"]
    assert found["status"] == "withheld"
    assert "does not relate" not in found["sentence"]
    assert "Either labels are wrong" in found["sentence"]
    assert (
        found["cross_lingual_agreement"]["in_target"]
        < 0.3
        < found["cross_lingual_agreement"]["in_source"]
    )
    right = leakage_advice(World().finished_transfer())["translations"]
    assert right["status"] == "given"
    assert right["cross_lingual_agreement"]["across"] > 0.5


def test_a_near_copy_is_reported_and_unlike_rows_are_not() -> None:
    finished = World().finished_transfer()
    assert leakage_advice(finished)["near_copies"]["found"] == 0
    assert finished.held_out.test is not None
    cast("list[str]", finished.best.partition.train.inputs)[3] = (
        f"{finished.held_out.test.inputs[10]} !"
    )
    [pair] = leakage_advice(finished)["near_copies"]["pairs"]
    assert (pair["row"], pair["test_row"]) == (4, 11)


def test_languages_are_called_far_apart_where_they_are() -> None:
    far = language_distance_advice(World().finished_transfer())["before"]
    world = World()
    finished = world.finished_transfer()
    world.vectors["labelled"] -= 2
    near = language_distance_advice(finished)["before"]
    assert near["mean_distance"] < 0.5 < 1.5 < far["mean_distance"]
    assert "lie far apart" in language_distance_advice(World().finished_transfer())["sentence"]
    assert "lie close together" in language_distance_advice(finished)["sentence"]
    assert "A-distance" not in language_distance_advice(finished)["sentence"]
    assert near["proxy_a_distance"] < 1.0 < 1.9 < far["proxy_a_distance"]


def test_further_labels_are_worth_something_where_they_are_and_nothing_is_said_of_noise() -> None:
    def advice(shuffled: bool, spread: float) -> dict[str, Any]:
        world = World(shuffled=shuffled, noise=spread)
        return learning_curve_advice(world.finished_transfer())

    rising = advice(False, 2.0)
    assert rising["curve"][-1]["accuracy"] > rising["curve"][0]["accuracy"] + 0.1
    assert "does not rise for certain" not in rising["sentence"]
    noise = advice(True, 2.0)
    assert noise["status"] == "withheld"


def test_copies_do_not_make_a_learning_curve_more_certain() -> None:
    random = np.random.default_rng(0)
    vectors, targets = random.normal(size=(60, 8)), np.arange(60) % 3
    vectors += 1.5 * np.eye(3, 8)[targets]
    copies = np.repeat(np.arange(60), 3)
    correct = draw_learning_curve(
        vectors[copies],
        targets[copies],
        copies,
        np.array([12, 48, 140]),
        1,
        0,
        np.inf,
        NullMonitor(),
    )
    from app.learn.advice.learning_curve import advise_on_labels

    apart = advise_on_labels(correct, np.array([12, 48, 140]), 0)["curve"][-1]
    together = advise_on_labels(correct, np.array([12, 48, 140]), 0, copies)["curve"][-1]
    assert together["high"] - together["low"] > 1.4 * (apart["high"] - apart["low"])


def test_no_precision_is_promised_by_copies_of_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def advice(texts: int, copies: int) -> dict[str, Any]:
        number = np.arange(texts).repeat(copies)
        targets = np.zeros(len(number), dtype=np.int64)
        rows = Examples([f"Zeile {i}" for i in number], targets, np.arange(1, len(number) + 1))
        judged = SimpleNamespace(answers=np.tile([0.9, 0.1], (len(number), 1)), rows=rows)
        monkeypatch.setattr(
            "app.services.transfers.advice.advise.held_out_answers", lambda *_: judged
        )
        finished = SimpleNamespace(
            single_label=True,
            served=SimpleNamespace(labels=("a", "b")),
            best=SimpleNamespace(
                output=SimpleNamespace(out_of_fold=None), partition=SimpleNamespace(validation=rows)
            ),
            held_out=SimpleNamespace(test=None),
            compared=SimpleNamespace(on_test={}),
            spec=SimpleNamespace(wanted_precision=0.95),
            context=None,
            monitor=NullMonitor(),
        )
        return abstention_advice(cast("FinishedTransfer", finished))

    assert advice(120, 1)["status"] == "given"
    few = advice(30, 4)
    assert few["status"] == "withheld"
    assert "takes 45 independent validation rows, and there are 30" in few["sentence"]


def _finished_with_reports(**texts: list[str]) -> FinishedTransfer:
    datasets = {
        Role(role): SimpleNamespace(
            facts=SimpleNamespace(
                report={"wrong_language": wrong_language_rows(list(enumerate(rows, 1)), "de")}
            )
        )
        for role, rows in texts.items()
    }
    return cast(
        "FinishedTransfer", SimpleNamespace(text=True, inputs=SimpleNamespace(datasets=datasets))
    )


def test_rows_of_another_language_are_reported_and_right_ones_are_not() -> None:
    planted = wrong_language_advice(_finished_with_reports(train=[GERMAN, ENGLISH, GERMAN]))
    assert "1 of train (first rows 2)" in planted["sentence"]
    clean = wrong_language_advice(_finished_with_reports(train=[GERMAN] * 3))
    assert "Of 3 rows that could be judged (of 3) none" in clean["sentence"]


def test_rows_too_short_to_be_judged_are_not_called_right() -> None:
    found = wrong_language_advice(_finished_with_reports(train=["ja", "yes", "no"]))
    assert found["status"] == "withheld"


@pytest.fixture(scope="module")
def english_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BPE tokenizer trained on English words alone; German ones fall apart."""
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>"], initial_alphabet=sorted(set(ENGLISH + GERMAN))
    )
    tokenizer.train_from_iterator([ENGLISH] * 50, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_tokenizer_is_called_unfit_for_the_language_that_it_was_not_made_for(
    english_tokenizer: Path,
) -> None:
    english = token_fertility([ENGLISH], english_tokenizer)
    german = token_fertility([GERMAN], english_tokenizer)
    assert german["tokens_per_word"] > 2 * english["tokens_per_word"]
    both = {"source": english, "target": german}
    assert "was not made for `de`" in tokenizer_sentence("de", "Latn", both, both)
    same = {"source": english, "target": english}
    fits = tokenizer_sentence("en", "Latn", same, same)
    assert "about as finely as the source language" in fits
    changed = tokenizer_sentence("de", "Latn", both, same)
    assert "The source model's cuts each word" in changed


@pytest.mark.parametrize(
    ("long", "short", "said"),
    [
        (0, 40, "reads every target text to its end"),
        (10, 30, "25.0% of the target texts are longer than the model reads"),
        (40, 0, "100.0% of the target texts"),
    ],
)
def test_texts_that_are_cut_are_counted_and_whole_ones_are_not(
    tmp_path: Path, long: int, short: int, said: str
) -> None:
    """The network takes 64 tokens; a long text has 2 x 62 and a short one few."""
    folder = a_text_classifier(tmp_path / "model", texts=["word"] * 9)
    network = HuggingFaceFormat().load(folder, HuggingFaceFormat().inspect(folder, ModelHints()))
    texts = [" ".join(["word"] * 124)] * long + ["word word"] * short
    rows = Examples(texts, np.zeros(len(texts), np.int64), np.arange(len(texts)))
    inputs = SimpleNamespace(examples={Role.TEST: rows}, unlabelled={})
    finished = cast(FinishedTransfer, SimpleNamespace(text=True, served=network, inputs=inputs))
    found = truncation_advice(finished)
    assert said in found["sentence"]
    assert found["truncated_share"] == pytest.approx(long / len(texts))
    # Of each long text's 124 words 62 are lost; what is read counts its two special tokens.
    read = 64 * long + 4 * short
    assert found["lost_share"] == pytest.approx(62 * long / (62 * long + read), abs=0.01)


def _cut(word: float, character: float = 0.3, unknown: float = 0.0) -> dict[str, float]:
    return {"tokens_per_word": word, "tokens_per_character": character, "unknown_share": unknown}


@pytest.mark.parametrize(
    ("target", "source", "said"),
    [
        (2.72, 1.07, "was not made for `de`"),
        (3.4, None, "was not made for `de`"),
        (2.0, 1.2, "1.7 times as finely as the source language (1.20)"),
        (1.3, 1.2, "about as finely as the source language (1.20)"),
        (2.2, None, "more than is usual"),
        (1.3, None, "about as many as is usual"),
    ],
)
def test_a_tokenizer_is_said_to_fit_no_better_than_it_does(
    target: float, source: float | None, said: str
) -> None:
    both = {"source": None if source is None else _cut(source), "target": _cut(target)}
    sentence = tokenizer_sentence("de", "Latn", both, both)
    assert said in sentence
    assert "as it cuts languages that it was made for" not in sentence


def test_words_without_a_vector_are_reported_and_known_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"gut": 3, "Tag": 3}

    def unknown(_: object, texts: list[str]) -> float:
        letters = sum(len(word) for text in texts for word in text.split())
        return 1 - sum(known.get(w, 0) for text in texts for w in text.split()) / letters

    monkeypatch.setattr("app.services.transfers.advice.data._unknown_share", unknown)
    finished, network = World().finished_transfer(), cast("Any", None)
    missing = word_coverage_advice(finished, network, network, [], ["Donaudampfschiff gut"])
    assert "The model does not see these words" in missing["sentence"]
    there = word_coverage_advice(finished, network, network, [], ["gut Tag"])
    assert "0% stand in words without" in there["sentence"]
    assert "does not see" not in there["sentence"]
