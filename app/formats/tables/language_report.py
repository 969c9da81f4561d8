"""What a dataset's report says on the language of its texts, as a whole and row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.formats.tables.language_check import check_language, note_language
from app.formats.tables.wrong_language import note_wrong_language, wrong_language_rows


def report_language(
    rows: Sequence[tuple[int, str]], claimed: str
) -> tuple[dict[str, Any], list[str]]:
    """From (row number, text): the parts `language` and `wrong_language`, and their notes."""
    check = check_language([text for _, text in rows], claimed)
    wrong = wrong_language_rows(rows, claimed)
    notes = [*note_language(check), *note_wrong_language(wrong)]
    return {"language": check, "wrong_language": wrong}, notes
