"""An artifact store on one disk: `sha256/ab/abcd...`, verified files and unpacked copies."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from app.artifacts.contract import SharedFiles, StoredArtifact
from app.domain.errors.service import ArtifactCorrupted, ArtifactMissing


class DiskArtifacts:
    """Artifacts below `root`, which machines may share by a network file system.

    A reader sees the whole file or none. Temporary files lie in `root/tmp`, on the same disk,
    and are gone with their workspace, or by `sweep` when its owner was killed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.shared: SharedFiles | None = None
        self._verified = VerifiedFiles()
        self._copies = UnpackedCopies(root / "unpacked", self.temporary, self._verified)

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder on the store's own disk, gone at the end."""
        return workspace(self.temporary)

    def sweep(self) -> None:
        """Delete what killed processes left in workspaces, and copies of what was removed."""
        sweep(self.temporary)
        for digest in self._copies.digests():
            if not self.exists(digest):
                self._copies.remove(digest)

    def publish(self, file: Path) -> str:
        """Give a finished file its second name, in the store, by rename; returns its digest."""
        digest = sha256_of(file)
        self.adopt(file, digest)
        return digest

    def adopt(self, file: Path, digest: str) -> None:
        """The same for a file whose digest is known to be this."""
        target = self.file_path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.workspace() as folder:
            hardlink_or_copy(file, folder / digest)
            fsync_path(folder / digest)
            # The age of an artifact counts from its publication, not from its writing.
            os.utime(folder / digest)
            os.replace(folder / digest, target)
        self._verified.trust(target, digest)
        fsync_path(target.parent)

    def path(self, digest: str) -> Path:
        """The artifact's file, verified once in each process."""
        file = self.file_path(digest)
        try:
            if self._verified.holds(file, digest):
                return file
        except FileNotFoundError:
            raise ArtifactMissing(digest) from None
        raise ArtifactCorrupted(digest, str(file))

    def file_path(self, digest: str) -> Path:
        """Where the artifact with this digest lies, or would lie; nothing is verified."""
        return self.root / "sha256" / digest[:2] / digest

    def unpacked_path(self, digest: str) -> Path:
        """Where its unpacked copy lies, or would lie; nothing is verified."""
        return self._copies.path(digest)

    def list_path(self, digest: str) -> Path:
        """Where the list of that copy's files lies, or would lie."""
        return self._copies.list_path(digest)

    def exists(self, digest: str) -> bool:
        """Whether the artifact is here."""
        return self.file_path(digest).is_file()

    def remove(self, digest: str) -> None:
        """Delete the artifact and its unpacked copy; one that is gone already is no error."""
        self.file_path(digest).unlink(missing_ok=True)
        self._copies.remove(digest)

    def set_aside(self, digest: str) -> Path | None:
        """Delete the artifact, and move its unpacked copy to the folder that is returned."""
        self.file_path(digest).unlink(missing_ok=True)
        return self._copies.set_aside(digest)

    def stored(self) -> Iterator[StoredArtifact]:
        """Every artifact in the store; one that goes meanwhile is left out."""
        now = time.time()
        for file in (self.root / "sha256").glob("*/*"):
            try:
                yield StoredArtifact(file.name, now - file.stat().st_mtime)
            except FileNotFoundError:
                continue

    def digests(self) -> set[str]:
        """The digests of all files and unpacked copies here."""
        return {one.digest for one in self.stored()} | set(self._copies.digests())

    def unpacked(self, digest: str) -> Path | None:
        """The unpacked copy, verified once in each process; None where there is none."""
        return self._copies.get(digest)

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
        return self._copies.adopt(folder, digest)


class UnpackedCopies:
    """Folders by the digest of the archive that they came from, below `root`.

    A copy is served when it holds exactly the files of its list with exactly their bytes. Any
    other is thrown away: the archive is still there, and is verified when it is unpacked again.
    """

    def __init__(self, root: Path, trash: Path, verified: VerifiedFiles) -> None:
        """`trash` is a folder on the same disk, out of sight of readers."""
        self._root = root
        self._trash = trash
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
        if (existing := self.get(digest)) is not None:
            return existing
        self._root.mkdir(parents=True, exist_ok=True)
        digests = {name: sha256_of(folder / name) for name in _relative_names(folder)}
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
        """Move the copy to a folder in the trash; None where there is none."""
        target = self._trash / f"{digest}.{uuid.uuid4().hex}"
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
            if set(_relative_names(folder)) != set(digests):
                return False
            return all(self._verified.holds(folder / name, sha) for name, sha in digests.items())
        except (OSError, ValueError):
            return False


def _relative_names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir():
            yield path.relative_to(folder).as_posix()


class VerifiedFiles:
    """Remembers in this process which files had the right bytes, until they change.

    A file is read through at its first use; later uses cost one look at its inode, size and time
    of change. Bytes that rot on the disk afterwards are found by the next process.
    """

    def __init__(self) -> None:
        self._fingerprints: dict[Path, tuple[str, int, int, int]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process verifies by itself."""
        return VerifiedFiles, ()

    def holds(self, file: Path, digest: str) -> bool:
        """Whether the file's SHA-256 is `digest`; raises FileNotFoundError."""
        # Looked at before it is read, so that a change meanwhile is seen the next time.
        fingerprint = _fingerprint(file, digest)
        if self._fingerprints.get(file) == fingerprint:
            return True
        if sha256_of(file) != digest:
            self._fingerprints.pop(file, None)
            return False
        self._fingerprints[file] = fingerprint
        return True

    def trust(self, file: Path, digest: str) -> None:
        """Take note that a file was just written from bytes that were hashed."""
        # A collection may have removed it already; whoever needs it looks again under the lock.
        with suppress(FileNotFoundError):
            self._fingerprints[file] = _fingerprint(file, digest)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _fingerprint(file: Path, digest: str) -> tuple[str, int, int, int]:
    found = os.stat(file)
    return digest, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """An empty folder below `parent`, gone at the end.

    Its owner holds a lock on it, which the system takes away when the process dies.
    """
    # Held while the folder is made and not yet locked itself, so that no sweep comes between.
    with _locked(parent, fcntl.LOCK_SH):
        folder = Path(tempfile.mkdtemp(dir=parent))
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def sweep(parent: Path) -> None:
    """Delete the workspaces below `parent` whose owners are dead (killed, or out of memory)."""
    with _locked(parent, fcntl.LOCK_EX):
        for folder in parent.iterdir():
            try:
                with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(folder, ignore_errors=True)
            except (BlockingIOError, FileNotFoundError):
                continue  # somebody works in it, or was just done


@contextmanager
def _locked(folder: Path, operation: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, operation)
        yield
    finally:
        os.close(handle)


def hardlink_or_copy(file: Path, name: Path) -> None:
    """Make `name`, which must be absent, another name of the same bytes; neither may change."""
    try:
        os.link(file, name)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(file, name)


def fsync_path(path: Path) -> None:
    """Wait until a file, or the names in a folder, would be there after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
