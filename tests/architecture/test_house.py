"""The house rules that a machine can check: names, docstrings and torch at the door."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))
FORBIDDEN_NAMES = ("util", "helper", "manager", "common", "misc")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_file_is_named_for_what_it_holds(path: Path) -> None:
    assert not any(word in path.stem for word in FORBIDDEN_NAMES)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_what_is_public_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    top = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    silent = [n.name for n in top if not n.name.startswith("_") and not ast.get_docstring(n)]
    assert ast.get_docstring(tree), "the file has no docstring"
    assert not silent


def test_the_api_is_built_without_importing_torch() -> None:
    code = (
        "import sys; import app.main; "
        "heavy = {'torch', 'transformers', 'sklearn'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_nothing_unpickles_an_upload() -> None:
    # Two places may: `babelport convert`, on the user's own machine, and the frames that the API
    # and its predictor process exchange, which hold what was read of an upload and never its bytes.
    outside = [p for p in SOURCES if p.parent.name != "convert" and p.stem != "convert"]
    outside.remove(ROOT / "app/serving/messages.py")
    for path in outside:
        text = path.read_text()
        assert "allow_pickle=True" not in text, path
        assert "torch.load(" not in text, path
        assert "import pickle" not in text, path
        assert "joblib.load" not in text, path
