"""docs/formats.md says what the formats take."""

from __future__ import annotations

from pathlib import Path

from app.domain.enums import Format
from app.formats.declared_network.architecture import LAYER_KINDS
from app.formats.huggingface.head_files import HeadFile
from app.formats.read_model import CODE_SUFFIXES

TEXT = (Path(__file__).parents[2] / "docs/formats.md").read_text(encoding="utf-8")


def test_every_format_layer_and_field_is_documented() -> None:
    wanted = [*Format, *LAYER_KINDS, *HeadFile.model_fields]
    assert [name for name in wanted if f"`{name}`" not in TEXT] == []


def test_every_refused_file_name_is_documented() -> None:
    unnamed = [suffix for suffix in CODE_SUFFIXES if f"`{suffix}`" not in TEXT]
    assert unnamed == []
