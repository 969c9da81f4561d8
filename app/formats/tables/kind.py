"""What the rows of a table are, where the user does not say."""

from __future__ import annotations

from itertools import islice

from app.domain.datasets import DatasetHints
from app.domain.enums import DatasetKind
from app.formats.tables.columns import is_usual
from app.formats.tables.raw_table import RawTable

_LOOKED_AT = 100


def kind_of_table(table: RawTable, hints: DatasetHints) -> DatasetKind:
    """Tagged words where a column of words holds lists, several labels where another one does.

    A `separator` says that one cell holds several labels; all other tables have one in each row.
    """
    if hints.separator:
        return DatasetKind.MULTI_LABELLED
    lists = {
        column
        for cells in islice(table.read(table.columns), _LOOKED_AT)
        for column, cell in zip(table.columns, cells, strict=True)
        if isinstance(cell, list)
    }
    if any(column == hints.text or is_usual("words", column) for column in lists):
        return DatasetKind.TOKENS
    labels = any(column == hints.label or is_usual("label", column) for column in lists)
    return DatasetKind.MULTI_LABELLED if labels else DatasetKind.LABELLED
