"""The bytes of records: uploaded, published with their row, dropped when no row has them.

A record is there when its row is committed; bytes without a row mean nothing and are dropped.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.domain.errors.service import BytesDropped
from app.services.context import Context
from app.store.usage import digest_in_use, digests_in_use, hold_artifact_lock, split_in_use

_NO_FOLDERS: Mapping[Path, Path] = MappingProxyType({})


@dataclass(frozen=True)
class Upload:
    """`path` lies in a workspace on the artifacts' own disk; `filename` is what the user calls it.

    `sha256` is of the bytes as sent.
    """

    path: Path
    filename: str
    size_bytes: int
    sha256: str

    @property
    def stem(self) -> str:
        """A record's name where the user gives none: the file's name without its endings."""
        name = Path(self.filename).name
        while Path(name).suffix and Path(name).stem:
            name = Path(name).stem
        kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in name)
        return kept.strip("-")[:100] or "unnamed"


def upload_at(path: Path, filename: str) -> Upload:
    """Describe a file that lies in a workspace."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return Upload(path, filename, path.stat().st_size, digest)


def publish(
    context: Context,
    session: Session,
    files: Sequence[Path],
    unpacked: Mapping[Path, Path] = _NO_FOLDERS,
) -> list[str]:
    """Put `files` into the store and return their SHA-256s; a rollback takes them out again.

    `unpacked` has a folder for each file that was unpacked already: it becomes the copy that is
    read. Call this before the session's first statement: the files are written and hashed while
    the database is free for others, and only then locked until the commit. Raises `BytesDropped`
    where another process dropped the same bytes in between; the transaction is then to be begun
    again.
    """
    digests = []
    for file in files:
        digests.append(context.artifacts.publish(file))
        event.listen(
            session,
            "after_rollback",
            partial(_drop_after_rollback, context, digests[-1]),
            once=True,
        )
        folder = unpacked.get(file)
        if folder is not None and folder.is_dir():
            context.artifacts.adopt_unpacked(folder, digests[-1])
    hold_artifact_lock(session)
    for digest in digests:
        if not context.artifacts.exists(digest):
            raise BytesDropped(digest)
    return digests


def drop_unused(context: Context, digest: str, may_be_a_split: bool = False) -> bool:
    """Delete the bytes from the store unless a committed record has them; whether it did.

    Splits are looked for among the results of all transfers, which takes long and holds others
    up; bytes of a model, a dataset or a table of predictions are never those of a split.
    """
    with context.sessions.begin() as session:
        hold_artifact_lock(session)
        if digest_in_use(session, digest):
            return False
        if may_be_a_split and split_in_use(session, digest):
            return False
        set_aside = context.artifacts.set_aside(digest)
    if set_aside is not None:
        # Many files may lie in it, and nobody should wait for them.
        shutil.rmtree(set_aside, ignore_errors=True)
    return True


def _drop_after_rollback(context: Context, digest: str, _session: Session) -> None:
    drop_unused(context, digest, may_be_a_split=True)


def collect_artifacts(context: Context, older_than: float, dry_run: bool = False) -> list[str]:
    """Delete what was published more than `older_than` seconds ago and no record needs.

    Returns the digests; with `dry_run` they are only found. Commits for each by itself, so that
    others wait for the lock of one deletion at most. What is published at this moment is safe at
    any age: publishing looks again under the same lock. The age spares it the second writing.
    """
    old = {one.digest for one in context.artifacts.stored() if one.age_seconds > older_than}
    with context.readers() as session:
        unused = sorted(old - digests_in_use(session))
    if dry_run:
        return unused
    return [digest for digest in unused if drop_unused(context, digest, may_be_a_split=True)]
