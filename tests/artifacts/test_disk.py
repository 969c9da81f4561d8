"""The store on a disk: workspaces go with their owners, verified files need no second look."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.artifacts.disk import DiskArtifacts, VerifiedFiles, sha256_of

_KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from app.artifacts.disk import DiskArtifacts
with DiskArtifacts(Path(sys.argv[1])).workspace() as folder:
    (folder / "half").write_text("written")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_sweep_deletes_the_workspaces_of_the_dead_alone(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED_AT_WORK, str(tmp_path)], check=False)
    artifacts = DiskArtifacts(tmp_path)
    [left] = artifacts.temporary.iterdir()
    with artifacts.workspace() as mine:
        artifacts.sweep()
        assert list(artifacts.temporary.iterdir()) == [mine]
        assert not left.exists()
    assert list(artifacts.temporary.iterdir()) == []


def test_a_workspace_is_gone_after_an_error_too(tmp_path: Path) -> None:
    artifacts = DiskArtifacts(tmp_path)
    try:
        with artifacts.workspace() as folder:
            (folder / "half").write_text("written")
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert not folder.exists()


def test_a_file_that_was_removed_right_after_it_was_written_is_no_error(tmp_path: Path) -> None:
    """A collection in another process may be quicker than the note that the file can be trusted."""
    file, verified = tmp_path / "file", VerifiedFiles()
    file.write_bytes(b"bytes")
    digest = sha256_of(file)
    file.unlink()
    verified.trust(file, digest)
    with pytest.raises(FileNotFoundError):
        verified.holds(file, digest)
