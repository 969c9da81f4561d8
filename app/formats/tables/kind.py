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

    A `separator` says that one cell holds several labels; all other tables have one in each row,
    be it in a list by itself, as tools of annotation write it.
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
    labels = [column for column in lists if column == hints.label or is_usual("label", column)]
    if any(has_lists_of_several(table, column) for column in labels):
        return DatasetKind.MULTI_LABELLED
    return DatasetKind.LABELLED


def has_lists_of_several(table: RawTable, column: str) -> bool:
    """Whether a cell of the column is a list of more than one."""
    return any(isinstance(cell, list) and len(cell) > 1 for (cell,) in table.read((column,)))
