"""Files as people have them are read, or refused in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.domain.datasets import DatasetHints
from app.domain.errors import RejectedFile
from app.formats.reading_child import inspect_dataset
from app.settings import Settings
from tests.formats.real_files.case import Facts, RealFile, Refusal, value_at
from tests.formats.real_files.documentation import TABLES, wanted, written

CASES = [case for cases in TABLES.values() for case in cases]
_THROUGH_THE_CHILD = ("reviews.xlsx", "kaggle.zip")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_real_file_is_read_or_refused_as_the_table_says(case: RealFile, tmp_path: Path) -> None:
    # In a folder of its own: builders may leave beside the file what they made it of.
    file = tmp_path / "sent" / "upload"
    file.parent.mkdir()
    case.build(file)
    if isinstance(case.outcome, Refusal):
        with pytest.raises(RejectedFile) as caught:
            case.read(file, case)
        error = caught.value
        assert Refusal(error.code, error.message, error.advice) == case.outcome
    else:
        _check(case.read(file, case), case.outcome)


@pytest.mark.parametrize("name", _THROUGH_THE_CHILD)
def test_some_pass_through_the_reading_child(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.filename == name)
    assert isinstance(case.outcome, Facts)
    case.build(tmp_path / "upload")
    hints = DatasetHints(**case.hints)
    facts = inspect_dataset(
        tmp_path / "upload", name, hints, case.language, tmp_path / "canonical", Settings()
    )
    assert [facts.kind, facts.rows] == [case.outcome.values["kind"], case.outcome.values["rows"]]


@pytest.mark.parametrize("document", TABLES)
def test_the_documents_tell_what_the_tables_say(document: str) -> None:
    told = f"run `python -m tests.formats.real_files.documentation`: {document} is out of date"
    assert written(document) == wanted(document), told


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def _check(found: dict[str, Any], expected: Facts) -> None:
    wanted_values = dict(expected.values)
    assert {name: value_at(found, name) for name in wanted_values} == wanted_values
    first = (found.get("preview") or [{}])[0]
    assert {name: first.get(name) for name in expected.first} == dict(expected.first)
    if expected.note:
        assert expected.note in found["notes"]
