"""The demo's sentences: drawn from templates, and written as the files that a user would have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.cli.demo.rows import Sides, draw_sides, shared_intents, write_csv
from app.cli.demo.templates import read_templates
from app.domain.errors.demo import DemoLanguageIsSource

SOURCE_LANGUAGE = "en"
MODEL_FILE = f"intents-{SOURCE_LANGUAGE}.zip"
# Per intent. Two target rows are what somebody writes down in a quarter of an hour. The more there
# are, the less the English model is worth: with German's five, TF-IDF is as good as a new head on
# the frozen encoder, and the whole encoder should be trained instead.
_ENGLISH_TRAIN, _ENGLISH_TEST = 24, 8
_TARGET_TRAIN, _TARGET_TEST = 2, 20
# Settings were compared on the sentences of seed 0; what is shown are others.
_SEED = 1


@dataclass(frozen=True)
class DemoSentences:
    """English and target sentences, each with sides that share no template."""

    language: str
    english: Sides
    target: Sides

    def write(self, folder: Path) -> dict[str, Path]:
        """One CSV file per role of the transfer, in `folder`, by the names that README uses."""
        names = {
            "train": (self.target.train, f"intents-{self.language}.csv"),
            "test": (self.target.test, f"intents-{self.language}-test.csv"),
            "source": (self.english.train, f"intents-{SOURCE_LANGUAGE}.csv"),
            "source_test": (self.english.test, f"intents-{SOURCE_LANGUAGE}-test.csv"),
        }
        return {role: write_csv(rows, folder / name) for role, (rows, name) in names.items()}


def draw_sentences(language: str) -> DemoSentences:
    """The same sentences at every call.

    Raises DemoLanguageIsSource, DemoLanguageUnknown, DemoLanguageTooSmall, DemoPackageMissing.
    """
    if language == SOURCE_LANGUAGE:
        raise DemoLanguageIsSource(language)
    english, target = read_templates(SOURCE_LANGUAGE), read_templates(language)
    intents = shared_intents(english, target, language)
    return DemoSentences(
        language=language,
        english=draw_sides(english, intents, _ENGLISH_TRAIN, _ENGLISH_TEST, _SEED),
        target=draw_sides(target, intents, _TARGET_TRAIN, _TARGET_TEST, _SEED),
    )
