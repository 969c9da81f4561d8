"""When the bytes of a record come into the store, and when they leave it.

A record is there when its row is committed; bytes without a row mean nothing and are dropped.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.services.context import Context
from app.store.artifact_lock import hold_artifact_lock
from app.store.digests import digest_in_use, split_in_use


def publish(context: Context, session: Session, files: list[Path]) -> list[str]:
    """Put `files` into the store and return their SHA-256s; a rollback takes them out again.

    Call it before the session's first statement: the files are written while the database is
    free for others, and only then locked until the commit.
    """
    digests = []
    for file in files:
        digests.append(context.artifacts.publish(file))
        event.listen(session, "after_rollback", partial(_undo, context, digests[-1]), once=True)
    hold_artifact_lock(session)
    for file, digest in zip(files, digests, strict=True):
        # Another process dropped the same bytes before the lock was ours; now none can.
        if not context.artifacts.exists(digest):
            context.artifacts.publish(file)
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
        context.artifacts.remove(digest)
        return True


def _undo(context: Context, digest: str, _session: Session) -> None:
    drop_unused(context, digest, may_be_a_split=True)
