"""Which column is the text, which the label, which the group."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.domain.datasets import DatasetHints
from app.domain.errors.dataset_files import ColumnAmbiguous, ColumnMissing

_NAMES = {
    "text": "text sentence utterance content message comment review document query question "
    "tweet headline title body input",
    "words": "tokens words forms",
    "tags": "tags ner_tags labels",
    "label": "label labels category intent class topic sentiment target tag answer output y",
    "source": "source src source_text source_word source_sentence",
    "target": "target tgt trg target_text target_word target_sentence translation",
    "group": "group",
}
_KNOWN = {role: frozenset(names.split()) for role, names in _NAMES.items()}
# Such a column may hold groups or merely number the rows: only the user knows.
_ID_NAMES = (
    "id uid idx index index_id row_id group_id template template_id sentence_id sent_id "
    "document_id doc_id parallel_id pair_id"
)
_IDS = frozenset(_ID_NAMES.split())
_ASKS = (
    "The column `{0}` was not read as a group. If rows with equal values in it belong together "
    "(translations of one sentence, expansions of one template, parts of one document), send the "
    "file again with `group` set to `{0}`: then they stay on one side of every split."
)
_ASKS_UNIQUE = (
    "Each row has a `{0}` of its own. Where other files of a transfer have the same ones "
    "(translations of these rows), send each file with `group` set to `{0}`; otherwise there is "
    "nothing to do."
)


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
    return [(_ASKS_UNIQUE if column in unique else _ASKS).format(column) for column in columns]


def count_usual_names(columns: tuple[str, ...], hints: DatasetHints) -> int:
    """How many of the columns are named by the user or have a usual name."""
    given = (hints.text, hints.label, hints.group, hints.source, hints.target)
    wanted = {_fold(name) for name in given if name}
    return sum(_fold(column) in wanted.union(_IDS, *_KNOWN.values()) for column in columns)


def _find_named(role: str, name: str, columns: tuple[str, ...]) -> str | None:
    found = [column for column in columns if column == name]
    found = found or [column for column in columns if _fold(column) == _fold(name)]
    if len(found) > 1:
        raise ColumnAmbiguous(role, tuple(found), columns)
    return found[0] if found else None


def is_usual(role: str, column: str) -> bool:
    """Whether the column has a usual name of the role."""
    return _fold(column) in _KNOWN[role]


def _find_usual(
    role: str, free: tuple[str, ...], columns: tuple[str, ...], usual: str | None = None
) -> str | None:
    found = tuple(column for column in free if is_usual(usual or role, column))
    if role == "label" and len(found) == 1:
        # Beside numbers their names stand, as in the data sets of SetFit.
        names = [f"{_fold(found[0])}_{what}" for what in ("text", "name")]
        found = tuple(column for column in free if _fold(column) in names)[:1] or found
    if len(found) > 1:
        raise ColumnAmbiguous(role, found, columns)
    return found[0] if found else None


def _fold(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
