"""The demo's sentences: templates, drawing, and that train and test share no template."""

from __future__ import annotations

import csv
import re
from contextlib import nullcontext
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from app.cli.demo import command
from app.cli.demo.sentences import (
    MODEL_FILE,
    Row,
    SentenceSplit,
    draw_sentences,
    draw_split,
    shared_intents,
)
from app.cli.demo.templates import read_templates
from app.domain.errors.service import (
    DemoLanguageIsSource,
    DemoLanguageTooSmall,
    DemoLanguageUnknown,
)
from app.settings import settings

pytest.importorskip("home_assistant_intents", reason="the demo's packages are not installed")
README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize("language", ["de", "hi", "fr", "zh-CN"])
def test_no_template_and_no_sentence_stands_on_two_sides(language: str) -> None:
    sentences = draw_sentences(language)

    for sides in (sentences.english, sentences.target):
        assert not _templates(sides.train) & _templates(sides.test)
        assert not _texts(sides.train) & _texts(sides.test)
        assert {row.intent for row in sides.test} <= {row.intent for row in sides.train}
    assert {row.intent for row in sentences.target.train} == _intents(sentences.english)


def test_the_same_language_gets_the_same_sentences_each_time() -> None:
    assert draw_sentences("de") == draw_sentences("de")


def test_every_template_of_a_language_yields_a_sentence_without_a_gap() -> None:
    random = Random(3)
    for templates in read_templates("de").values():
        for template in templates:
            sentence = template.expand(random)
            assert sentence, template.id
            assert not set("{}<>[]|") & set(sentence), template.id


def test_the_files_have_text_label_and_group(tmp_path: Path) -> None:
    sentences = draw_sentences("de")

    files = sentences.write(tmp_path)

    assert set(files) == {"train", "test", "source", "source_test"}
    with files["test"].open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == ["text", "label", "group"]
    assert [tuple(row.values()) for row in rows] == [
        (row.text, row.intent, row.template) for row in sentences.target.test
    ]


def test_the_files_that_readme_sends_are_those_that_the_demo_keeps(tmp_path: Path) -> None:
    sent = set(re.findall(r"intents-[a-z-]+\.(?:csv|zip)", README.read_text(encoding="utf-8")))

    kept = {file.name for file in draw_sentences("de").write(tmp_path).values()} | {MODEL_FILE}

    assert {"intents-en.zip", "intents-de.csv"} <= sent <= kept


def test_the_demo_leaves_its_files_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All but the service, which other tests start, and the transfer."""

    def train(starter: Path, sides: SentenceSplit, file: Path, progress: object) -> float:
        file.write_bytes(b"a model")
        return 1.0

    monkeypatch.setenv("BABELPORT_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    monkeypatch.setattr(command, "migrate", lambda: None)
    monkeypatch.setattr(command, "_build_starter", lambda chosen: tmp_path)
    monkeypatch.setattr(command, "train_english_classifier", train)
    service = SimpleNamespace(url="http://127.0.0.1:1")
    monkeypatch.setattr(command, "running_service", lambda *_: nullcontext(service))
    monkeypatch.setattr(command, "upload_and_transfer", lambda *_: {"id": "t", "model_id": "m"})
    monkeypatch.setattr(command, "print_evaluations", lambda *_: None)
    monkeypatch.setattr(command, "print_predictions", lambda *_: None)
    try:
        command.demo("de", keep=tmp_path / "new" / "files")
    finally:
        settings.cache_clear()

    names = {file.name for file in (tmp_path / "new" / "files").iterdir()}
    assert names == {
        "intents-en.zip",
        *(f"intents-{name}.csv" for name in ("de", "de-test", "en", "en-test")),
    }
    assert "intents-en.zip" in capsys.readouterr().out


def test_a_sentence_that_two_intents_share_is_left_out() -> None:
    class Fixed:
        def __init__(self, text: str, intent: str, id: str) -> None:
            self.text, self.intent, self.id = text, intent, id

        def expand(self, random: Random) -> str:
            return self.text

    templates = {
        "On": [Fixed("on", "On", "1"), Fixed("Stop it", "On", "2")],
        "Off": [Fixed("off", "Off", "3"), Fixed("stop it", "Off", "4")],
    }

    sides = draw_split(templates, ["On", "Off"], train=1, test=1, seed=0)  # type: ignore[arg-type]

    assert _texts(sides.train) | _texts(sides.test) == {"on", "off"}


@pytest.mark.parametrize(
    ("language", "error"),
    [("en", DemoLanguageIsSource), ("xx", DemoLanguageUnknown), ("ja", DemoLanguageTooSmall)],
)
def test_a_language_that_cannot_be_shown_is_refused_with_a_way_out(language, error) -> None:
    with pytest.raises(error) as refusal:
        draw_sentences(language)

    assert "de" in refusal.value.advice


def test_only_intents_with_templates_enough_for_two_sides_are_taken() -> None:
    english, german = read_templates("en"), read_templates("de")

    taken = shared_intents(english, german, "de")

    assert len(taken) > 20
    assert min(len(english[intent]) for intent in taken) >= 4
    assert min(len(german[intent]) for intent in taken) >= 4


def _templates(rows: list[Row]) -> set[str]:
    return {row.template for row in rows}


def _texts(rows: list[Row]) -> set[str]:
    return {row.text.casefold() for row in rows}


def _intents(sides: SentenceSplit) -> set[str]:
    return {row.intent for row in sides.train}
