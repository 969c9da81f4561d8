"""When the bytes of a record come into the store, and when they leave it.

A record is there when its row is committed; bytes without a row mean nothing and are dropped.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.domain.errors.storage import BytesDropped
from app.services.context import Context
from app.store.artifact_lock import hold_artifact_lock
from app.store.digests import digest_in_use, split_in_use

_NOTHING: Mapping[Path, Path] = MappingProxyType({})


def publish(
    context: Context,
    session: Session,
    files: Sequence[Path],
    unpacked: Mapping[Path, Path] = _NOTHING,
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
        event.listen(session, "after_rollback", partial(_undo, context, digests[-1]), once=True)
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


def _undo(context: Context, digest: str, _session: Session) -> None:
    drop_unused(context, digest, may_be_a_split=True)
