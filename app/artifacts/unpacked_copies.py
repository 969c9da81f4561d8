"""Unpacked copies of archives, each beside a list of its files' digests."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from app.artifacts.verified_files import VerifiedFiles, digest_of


class UnpackedCopies:
    """Folders by the digest of the archive that they came from, below `root`.

    A copy is served when it holds exactly the files of its list with exactly their bytes. Any
    other is thrown away: the archive is still there, and is verified when it is unpacked again.
    """

    def __init__(self, root: Path, rubbish: Path, verified: VerifiedFiles) -> None:
        """`rubbish` is a folder on the same disk in which nothing is looked for."""
        self._root = root
        self._rubbish = rubbish
        self._verified = verified

    def get(self, digest: str) -> Path | None:
        """The verified copy, or None."""
        folder = self.path(digest)
        if not folder.is_dir():
            return None
        if self._is_whole(folder, self.list_path(digest)):
            return folder
        self.remove(digest)
        return None

    def path(self, digest: str) -> Path:
        """Where the copy lies, or would lie."""
        return self._root / digest

    def adopt(self, folder: Path, digest: str) -> Path:
        """Make `folder` the copy of `digest`, unless another process was quicker."""
        if (there := self.get(digest)) is not None:
            return there
        self._root.mkdir(parents=True, exist_ok=True)
        digests = {name: digest_of(folder / name) for name in _names(folder)}
        fresh = folder.with_name(folder.name + ".list")
        fresh.write_text(json.dumps(digests), encoding="utf-8")
        os.replace(fresh, self.list_path(digest))
        try:
            os.rename(folder, self.path(digest))
        except OSError:
            if self.get(digest) is None:
                raise
        return self.path(digest)

    def remove(self, digest: str) -> None:
        """Delete the copy; one that is gone already is no error."""
        if (target := self.set_aside(digest)) is not None:
            shutil.rmtree(target, ignore_errors=True)

    def set_aside(self, digest: str) -> Path | None:
        """Move the copy to a folder in which nothing is looked for; None where there is none."""
        target = self._rubbish / f"{digest}.{uuid.uuid4().hex}"
        try:
            # In one step, so that nobody takes a copy for whole that is half deleted.
            os.rename(self.path(digest), target)
        except OSError:
            return None
        finally:
            self.list_path(digest).unlink(missing_ok=True)
        return target

    def digests(self) -> list[str]:
        """Of every copy."""
        if not self._root.is_dir():
            return []
        return [entry.name for entry in self._root.iterdir() if entry.is_dir()]

    def list_path(self, digest: str) -> Path:
        """Where the list of its files lies, or would lie."""
        return self._root / f"{digest}.json"

    def _is_whole(self, folder: Path, listed: Path) -> bool:
        try:
            digests: dict[str, str] = json.loads(listed.read_text(encoding="utf-8"))
            if set(_names(folder)) != set(digests):
                return False
            return all(self._verified.holds(folder / name, sha) for name, sha in digests.items())
        except (OSError, ValueError):
            return False


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir():
            yield path.relative_to(folder).as_posix()
