"""The tables of real files in the documents; `python -m` writes them anew."""

from __future__ import annotations

from pathlib import Path

from tests.formats.real_files.case import RealFile, table_row
from tests.formats.real_files.directory_files import DIRECTORY_FILES
from tests.formats.real_files.image_files import IMAGE_FILES
from tests.formats.real_files.model_files import MODEL_FILES
from tests.formats.real_files.text_files import TEXT_FILES

TABLES: dict[str, tuple[RealFile, ...]] = {
    "docs/datasets.md": (*TEXT_FILES, *IMAGE_FILES),
    "docs/formats.md": (*MODEL_FILES, *DIRECTORY_FILES),
}
_ROOT = Path(__file__).parents[3]
_BEGIN = "<!-- real files: written by `python -m tests.formats.real_files.documentation` -->"
_END = "<!-- end of real files -->"


def written(name: str) -> str:
    """The document as it stands."""
    return (_ROOT / name).read_text(encoding="utf-8")


def wanted(name: str) -> str:
    """The document with the table that its cases make, between the two markers."""
    before, _, rest = written(name).partition(_BEGIN)
    _, found, after = rest.partition(_END)
    if not found:
        raise ValueError(f"{name} has not the lines {_BEGIN} and {_END}")
    rows = [table_row(case) for case in TABLES[name]]
    table = "\n".join(["| file | what it is | what comes of it |", "| --- | --- | --- |", *rows])
    return f"{before}{_BEGIN}\n\n{table}\n\n{_END}{after}"


if __name__ == "__main__":
    for document in TABLES:
        (_ROOT / document).write_text(wanted(document), encoding="utf-8")
