"""The documents name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("app", "tests", "benchmarks", "examples", "migrations")
_ARCHITECTURE = _ROOT / "docs" / "architecture.md"
_DOCUMENTS = [
    _ROOT / "README.md",
    _ROOT / "CONTRIBUTING.md",
    *sorted((_ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda one: one.name)
def test_every_python_file_that_a_document_names_exists(document: Path) -> None:
    """Paths begin at the checkout, at `app/` or, beside another file, at its folder."""
    files = [f"/{file}" for folder in _FOLDERS for file in (_ROOT / folder).rglob("*.py")]
    named = re.findall(r"`([\w./-]+\.py)`", document.read_text("utf-8"))
    assert [name for name in named if not any(one.endswith(f"/{name}") for one in files)] == []


def test_every_folder_that_the_architecture_names_exists() -> None:
    named = re.findall(r"`((?:app/)?(?:\w+/)*\w+/)`", _ARCHITECTURE.read_text("utf-8"))
    folders = [f"/{file}/" for folder in _FOLDERS for file in (_ROOT / folder).rglob("*/")]
    assert len(named) > 10
    roots = [f"{folder}/" for folder in _FOLDERS]
    found = [name in roots or any(one.endswith(f"/{name}") for one in folders) for name in named]
    assert [name for name, exists in zip(named, found, strict=True) if not exists] == []


def test_the_architecture_names_every_package() -> None:
    text = _ARCHITECTURE.read_text("utf-8")
    packages = [one.parent.name for one in (_ROOT / "app").glob("*/__init__.py")]
    assert [name for name in packages if f"| `app/{name}` |" not in text] == []


def test_the_architecture_lists_every_module() -> None:
    listed = dict(
        re.findall(r"^\| `(app/(?:\w+/)*)` \| ([\w, ]+) \|$", _ARCHITECTURE.read_text(), re.M)
    )
    modules: dict[str, list[str]] = {}
    for file in sorted((_ROOT / "app").rglob("*.py")):
        if file.name != "__init__.py":
            folder = f"{file.parent.relative_to(_ROOT)}/"
            modules.setdefault(folder, []).append(file.stem)
    assert listed == {folder: ", ".join(sorted(names)) for folder, names in modules.items()}
