"""A table as its file has it: its columns by their use, its cells as text, its usable rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import (
    ColumnAmbiguous,
    ColumnMissing,
    NoUsableRows,
    RowMalformed,
)
from app.formats.tables.canonical import TextRow

Cell = Any  # str, int, float, bool or None as the file has it; anything else is refused later
_USUAL_NAMES = {
    "text": "text sentence utterance content message comment review document query question "
    "tweet headline title body input",
    "words": "tokens words forms",
    "tags": "tags ner_tags labels",
    "label": "label labels category intent class topic sentiment target tag answer output y",
    "source": "source src source_text source_word source_sentence",
    "target": "target tgt trg target_text target_word target_sentence translation",
    "group": "group",
}
_KNOWN = {role: frozenset(names.split()) for role, names in _USUAL_NAMES.items()}
# Such a column may hold groups or merely number the rows: only the user knows.
_ID_NAMES = (
    "id uid idx index index_id row_id group_id template template_id sentence_id sent_id "
    "document_id doc_id parallel_id pair_id"
)
_IDS = frozenset(_ID_NAMES.split())
_ID_QUESTION = (
    "The column `{0}` was not read as a group. If rows with equal values in it belong together "
    "(translations of one sentence, expansions of one template, parts of one document), send the "
    "file again with `group` set to `{0}`: then they stay on one side of every split."
)
_UNIQUE_ID_QUESTION = (
    "Each row has a `{0}` of its own. Where other files of a transfer have the same ones "
    "(translations of these rows), send each file with `group` set to `{0}`; otherwise there is "
    "nothing to do."
)
_CELL_ADVICE = "Correct the cell, or name another column."


@dataclass(frozen=True)
class RawTable:
    """The columns of a table, and its rows on demand.

    `read` yields the cells of the named columns, one tuple for each row of data; an empty line
    is a row of None. `details` tells the report how the file was read. `left_out` has the rows
    that an annotation tool marks as not to be used, by number, with the reason; `unlabelled` has
    those of which only a column of labels is not to be used, by the column. `class_names` has the
    names of the classes of each column that the file's schema declares as one of them.
    """

    columns: tuple[str, ...]
    read: Callable[[tuple[str, ...]], Iterator[tuple[Cell, ...]]]
    details: dict[str, Any]
    left_out: Mapping[int, str] = field(default_factory=dict)
    unlabelled: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    class_names: Mapping[str, list[str]] = field(default_factory=dict)

    def numbered(self, wanted: tuple[str, ...]) -> Iterator[tuple[int, tuple[Cell, ...] | None]]:
        """The rows with their numbers from 1; None for one that is left out."""
        left_out = self.left_out_of(wanted)
        for number, cells in enumerate(self.read(wanted), start=1):
            yield number, None if number in left_out else cells

    def left_out_of(self, columns: Iterable[str]) -> dict[int, str]:
        """The rows that are left out where these columns are read, in their order."""
        found: dict[int, str] = {}
        for name in columns:
            found |= self.unlabelled.get(name, {})
        return dict(sorted((found | dict(self.left_out)).items()))


@dataclass(frozen=True)
class Columns:
    """The columns to read, by the names that the file gives them."""

    text: str
    label: str
    group: str | None


def choose_columns(columns: tuple[str, ...], hints: DatasetHints) -> Columns:
    """The named columns, and the others by the names that such columns usually have.

    Case and the difference between space, hyphen and underscore do not count. Raises
    `ColumnMissing` and `ColumnAmbiguous`; only the group may be absent. It is the column that the
    user names or one called `group`, never an id; an empty name asks for no group at all.
    """
    wanted = {"text": hints.text, "label": hints.label, "group": hints.group}
    found = {
        role: column
        for role, name in wanted.items()
        if name and (column := _find_named(role, name, columns)) is not None
    }
    free = tuple(column for column in columns if column not in found.values())
    for role, name in wanted.items():
        # An empty name of a group says that there is none; other empty names say nothing.
        searched = name is None if role == "group" else not name
        if searched and (column := _find_usual(role, free, columns)) is not None:
            found[role] = column
    needed = {"text", "label"} | ({"group"} if hints.group else set())
    missing = {role: name or None for role, name in wanted.items() if role in needed - found.keys()}
    if missing:
        raise ColumnMissing(missing, columns, found.values())
    return Columns(found["text"], found["label"], found.get("group"))


def find_columns(
    wanted: Sequence[tuple[str, str | None]],
    columns: tuple[str, ...],
    usual: Mapping[str, str] | None = None,
) -> list[str]:
    """The column of each (role, name): the named one, the usual one, or the only one left.

    `usual` says for a role whose usual names to look for where they are not its own. Raises
    `ColumnMissing` for all roles at once and `ColumnAmbiguous`.
    """
    found: dict[str, str] = {}
    for role, name in wanted:
        free = tuple(column for column in columns if column not in found.values())
        if name:
            column = _find_named(role, name, free)
        elif len(free) == 1:
            column = free[0]
        else:
            column = _find_usual(role, free, free, (usual or {}).get(role))
        if column is not None:
            found[role] = column
    missing = {role: name or None for role, name in wanted if role not in found}
    if missing:
        raise ColumnMissing(missing, columns, found.values())
    return list(found.values())


def find_group(named: str | None, columns: tuple[str, ...]) -> str | None:
    """The named column, or the one called `group`, or None.

    Raises `ColumnMissing` for a name that is not there and `ColumnAmbiguous`.
    """
    if not named:
        return _find_usual("group", columns, columns)
    if (found := _find_named("group", named, columns)) is None:
        raise ColumnMissing({"group": named}, columns)
    return found


def find_ids(columns: tuple[str, ...]) -> list[str]:
    """The columns that by their names may hold groups, or merely number the rows."""
    return [column for column in columns if _fold(column) in _IDS]


def note_ids(columns: Sequence[str], unique: Collection[str] = ()) -> list[str]:
    """Asks about each column that may hold groups, where none was read as such.

    In `unique` columns no two rows have the same value: these tie rows of several files at most.
    """
    return [
        (_UNIQUE_ID_QUESTION if column in unique else _ID_QUESTION).format(column)
        for column in columns
    ]


def count_usual_names(columns: tuple[str, ...], hints: DatasetHints) -> int:
    """How many of the columns are named by the user or have a usual name."""
    named = (hints.text, hints.label, hints.group, hints.source, hints.target)
    wanted = {_fold(name) for name in named if name}
    return sum(_fold(column) in wanted.union(_IDS, *_KNOWN.values()) for column in columns)


def _find_named(role: str, name: str, columns: tuple[str, ...]) -> str | None:
    found = [column for column in columns if column == name]
    found = found or [column for column in columns if _fold(column) == _fold(name)]
    if len(found) > 1:
        raise ColumnAmbiguous(role, tuple(found), columns)
    return found[0] if found else None


def is_usual_name(role: str, column: str) -> bool:
    """Whether the column has a usual name of the role."""
    return _fold(column) in _KNOWN[role]


def _find_usual(
    role: str, free: tuple[str, ...], columns: tuple[str, ...], usual: str | None = None
) -> str | None:
    found = tuple(column for column in free if is_usual_name(usual or role, column))
    if role == "label" and len(found) == 1:
        # Beside numbers their names stand, as in the data sets of SetFit.
        names = [f"{_fold(found[0])}_{what}" for what in ("text", "name")]
        found = tuple(column for column in free if _fold(column) in names)[:1] or found
    if len(found) > 1:
        raise ColumnAmbiguous(role, found, columns)
    return found[0] if found else None


def _fold(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


@dataclass
class UsableRows:
    """Rows that have both a text and a label.

    `total` counts all rows of the file; `without_text` and `without_label` hold the numbers of
    rows left out (a row without either is among the former); `listed` says that labels stand in
    lists of one.
    """

    rows: list[TextRow] = field(default_factory=list)
    total: int = 0
    without_text: list[int] = field(default_factory=list)
    without_label: list[int] = field(default_factory=list)
    listed: bool = False


def usable_rows(table: RawTable, columns: Columns) -> UsableRows:
    """Read all rows; raises `RowMalformed` with row and column, and `NoUsableRows`."""
    found = UsableRows()
    wanted = (columns.text, columns.label) + ((columns.group,) if columns.group else ())
    for number, cells in table.numbered(wanted):
        found.total = number
        if cells is None:
            continue
        text = convert_cell(cell_text, cells[0], number, columns.text)
        label = convert_cell(cell_label, cells[1], number, columns.label)
        found.listed = found.listed or isinstance(cells[1], list)
        group = convert_cell(cell_name, cells[2], number, wanted[2]) if columns.group else None
        if text is None:
            found.without_text.append(number)
        elif label is None:
            found.without_label.append(number)
        else:
            found.rows.append(TextRow(number, text, label, group))
    if not found.rows:
        raise NoUsableRows(found.total, "both an input and a label")
    return found


def convert_cell(
    convert: Callable[[Cell], str | None], cell: Cell, number: int, column: str
) -> str | None:
    """What `convert` makes of a cell; its ValueError becomes `RowMalformed`."""
    try:
        return convert(cell)
    except ValueError as problem:
        raise RowMalformed(number, column, str(problem), _CELL_ADVICE) from None


def cell_text(cell: Cell) -> str | None:
    """The text of an input cell, None when there is none; raises ValueError with the reason."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if not isinstance(cell, str):
        raise ValueError(f"{_type_name(cell)} stands where a text should")
    if "\0" in cell:
        raise ValueError("it holds a zero character")
    if not cell.isascii():
        _check_surrogates(cell)
    return cell if cell.strip() else None


def cell_name(cell: Cell) -> str | None:
    """The text of a label or group cell, None when there is none; raises ValueError.

    Integers are written without a point even where a missing value made their column one of
    floats; text such as "NA", "1.0" or "null" stays as it is.
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float) and not math.isnan(cell):
        raise ValueError(f"the number {cell} is no name of a class or group")
    return cell_text(cell)


def cell_label(cell: Cell) -> str | None:
    """The same for the label of a row that has one, which may stand in a list by itself."""
    if not isinstance(cell, list):
        return cell_name(cell)
    names = [name for part in cell if (name := cell_name(part)) is not None]
    if len(names) > 1:
        raise ValueError(
            f"{len(names)} labels stand there, and a row of the kind `labelled` has one"
        )
    return names[0] if names else None


def _check_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no character") from None


def _type_name(cell: Cell) -> str:
    return {"list": "a list", "dict": "an object", "bytes": "binary data"}.get(
        type(cell).__name__, f"a {type(cell).__name__}"
    )
