"""Files that a process need not verify again."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.artifacts.verified_files import VerifiedFiles, digest_of


def test_a_file_that_was_removed_right_after_it_was_written_is_no_error(tmp_path: Path) -> None:
    """A collection in another process may be quicker than the note that the file can be trusted."""
    file, verified = tmp_path / "file", VerifiedFiles()
    file.write_bytes(b"bytes")
    digest = digest_of(file)
    file.unlink()
    verified.trust(file, digest)
    with pytest.raises(FileNotFoundError):
        verified.holds(file, digest)
