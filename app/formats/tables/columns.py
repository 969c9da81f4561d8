"""Which column is the text, which the label, which the group."""

from __future__ import annotations

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
    "group": "group group_id template template_id index_id sentence_id id uid parallel_id",
}
_KNOWN = {role: frozenset(names.split()) for role, names in _NAMES.items()}


@dataclass(frozen=True)
class Columns:
    """The columns to read, by the names that the file gives them."""

    text: str
    label: str
    group: str | None


def choose_columns(columns: tuple[str, ...], hints: DatasetHints) -> Columns:
    """The named columns, and the others by the names that such columns usually have.

    Case and the difference between space, hyphen and underscore do not count. Raises
    `ColumnMissing` and `ColumnAmbiguous`; only the group may be absent. A column called `group`
    goes before an id, because whoever made it meant it; an empty name asks for no group at all.
    """
    named = {
        role: _find_named(role, name, columns)
        for role, name in (("text", hints.text), ("label", hints.label), ("group", hints.group))
        if name
    }
    free = tuple(column for column in columns if column not in named.values())
    text = named.get("text") or _find_usual("text", free, columns)
    label = named.get("label") or _find_usual("label", free, columns)
    group = None if hints.group == "" else named.get("group") or _usual_group(free, columns)
    if text is None or label is None:
        raise ColumnMissing("text" if text is None else "label", None, columns)
    return Columns(text, label, group)


def find_column(
    role: str, named: str | None, columns: tuple[str, ...], usual: str | None = None
) -> str:
    """The column that is the `role`: the named one, the usual one, or the only one there is.

    `usual` says whose usual names to look for where they are not those of the role itself.
    Raises `ColumnMissing` and `ColumnAmbiguous`.
    """
    if named:
        return _find_named(role, named, columns)
    found = columns[0] if len(columns) == 1 else _find_usual(role, columns, columns, usual)
    if found is None:
        raise ColumnMissing(role, None, columns)
    return found


def find_group(named: str | None, columns: tuple[str, ...]) -> str | None:
    """The named column, or the one that usually holds groups, or None.

    Raises `ColumnMissing` for a name that is not there and `ColumnAmbiguous`.
    """
    return _find_named("group", named, columns) if named else _usual_group(columns, columns)


def count_usual_names(columns: tuple[str, ...], hints: DatasetHints) -> int:
    """How many of the columns are named by the user or have a usual name."""
    given = (hints.text, hints.label, hints.group, hints.source, hints.target)
    wanted = {_fold(name) for name in given if name}
    return sum(_fold(column) in wanted.union(*_KNOWN.values()) for column in columns)


def _find_named(role: str, name: str, columns: tuple[str, ...]) -> str:
    found = [column for column in columns if column == name]
    found = found or [column for column in columns if _fold(column) == _fold(name)]
    if not found:
        raise ColumnMissing(role, name, columns)
    if len(found) > 1:
        raise ColumnAmbiguous(role, tuple(found), columns)
    return found[0]


def is_usual(role: str, column: str) -> bool:
    """Whether the column has a usual name of the role."""
    return _fold(column) in _KNOWN[role]


def _find_usual(
    role: str, free: tuple[str, ...], columns: tuple[str, ...], usual: str | None = None
) -> str | None:
    found = tuple(column for column in free if is_usual(usual or role, column))
    if len(found) > 1:
        raise ColumnAmbiguous(role, found, columns)
    return found[0] if found else None


def _usual_group(free: tuple[str, ...], columns: tuple[str, ...]) -> str | None:
    meant = [column for column in free if _fold(column) in ("group", "group_id")]
    return meant[0] if len(meant) == 1 else _find_usual("group", free, columns)


def _fold(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
