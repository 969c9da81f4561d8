"""Deleting bytes that no record has: their process was killed before it could record them."""

from __future__ import annotations

from app.services.artifact_lifetime import drop_unused
from app.services.context import Context
from app.store.digests import digests_in_use


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
