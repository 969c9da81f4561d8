"""What a row of the table is, and how its file is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.domain.datasets import DatasetFacts
from app.formats.dataset_rows import preview_dataset
from app.formats.read_dataset import read_dataset
from app.formats.read_model import read_model

LIMITS = {"max_bytes": 10**8, "max_members": 1000}


@dataclass(frozen=True)
class Facts:
    """What reading must establish.

    `values` has facts by dotted names (`report.format`); `first` is part of the first usable row,
    as the preview shows it; `note` is one whole sentence of the notes.
    """

    values: Mapping[str, Any]
    first: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Refusal:
    """The code, and the two sentences of an error: what is wrong, and what to do."""

    code: str
    message: str
    advice: str


Reader = Callable[[Path, "RealFile"], dict[str, Any]]


def read_as_dataset(file: Path, case: RealFile) -> dict[str, Any]:
    """The facts of a dataset as JSON, and its first rows as `preview`."""
    canonical = file.with_name("canonical")
    facts = read_dataset(
        str(file), case.filename, dict(case.hints), case.language, str(canonical), **LIMITS
    )
    shown = preview_dataset(canonical, TypeAdapter(DatasetFacts).validate_python(facts), 0, 1)
    return {**facts, "notes": facts["report"]["notes"], "preview": shown}


def read_as_model(file: Path, case: RealFile) -> dict[str, Any]:
    """The facts of a model as JSON."""
    hints = {"labels": [], "input": {}} | dict(case.hints)
    return read_model(str(file), case.filename, hints, str(file.with_name("unpacked")), **LIMITS)


@dataclass(frozen=True)
class RealFile:
    """One named file: `build` writes it, `read` reads it, and `outcome` is what comes of it.

    `what` says in a few words where such a file comes from; `filename` is what its owner calls it.
    """

    filename: str
    what: str
    build: Callable[[Path], object]
    outcome: Facts | Refusal
    hints: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    read: Reader = read_as_dataset

    @property
    def name(self) -> str:
        """Names the test; distinct in the whole table."""
        return f"{self.filename}: {self.what}"


def value_at(facts: Mapping[str, Any], name: str) -> Any:
    """The value by a dotted name, None where there is none."""
    found: Any = facts
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def holding(content: str | bytes) -> Callable[[Path], object]:
    """A builder of a file with this content; text is written as UTF-8."""
    return lambda file: file.write_bytes(content.encode() if isinstance(content, str) else content)


def table_row(case: RealFile) -> str:
    """The case as a row of a Markdown table."""
    sent = ", ".join(f"`{name}`: {_shown(value)}" for name, value in case.hints.items())
    what = f"{case.what} (sent with {sent})" if sent else case.what
    return f"| `{case.filename}` | {_escaped(what)} | {_escaped(_told(case.outcome))} |"


def _told(outcome: Facts | Refusal) -> str:
    if isinstance(outcome, Refusal):
        return f"refused, `{outcome.code}`: {outcome.message} {outcome.advice}"
    parts = [f"{name.split('.')[-1]}: {_shown(v)}" for name, v in outcome.values.items()]
    return "; ".join(parts) + (f". {outcome.note}" if outcome.note else "")


def _shown(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
