"""Uploads inspected in the child process, as the service does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.datasets import DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors import RejectedFile
from app.formats.dataset_rows import load_examples
from app.formats.reading_child import inspect_dataset
from app.settings import Settings
from tests.support.datasets import a_csv, an_npz, labelled_rows


def test_a_text_file_passes_through_the_child(tmp_path: Path) -> None:
    upload = a_csv(tmp_path / "upload", labelled_rows(30, "de"), columns=("Satz", "label", "group"))
    canonical = tmp_path / "canonical"
    facts = inspect_dataset(
        upload, "de.csv", DatasetHints(text="Satz"), "de", canonical, Settings()
    )
    assert facts.kind is DatasetKind.LABELLED
    assert facts.labels == ("alarm", "music", "weather")
    assert facts.report["language"]["looks_right"]
    examples = load_examples(canonical, facts, facts.labels)
    assert len(examples) == 30
    assert examples.groups is not None


def test_an_image_file_passes_through_the_child(tmp_path: Path) -> None:
    upload, canonical = an_npz(tmp_path / "upload.npz"), tmp_path / "canonical"
    facts = inspect_dataset(upload, "x.npz", DatasetHints(), "bn", canonical, Settings())
    assert facts.image_shape == (1, 28, 28)
    assert load_examples(canonical, facts, facts.labels).inputs.shape == (60, 1, 28, 28)


def test_a_refusal_in_the_child_keeps_its_code_and_fields(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_text("text,label\none,a\ntwo\n")
    with pytest.raises(RejectedFile) as refused:
        inspect_dataset(upload, "a.csv", DatasetHints(), "en", tmp_path / "canonical", Settings())
    assert refused.value.code == "row-malformed"
    assert refused.value.fields == {"row": 2, "column": None}
    assert "double quotes" in refused.value.advice
