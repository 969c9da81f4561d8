"""Files in a bucket of an S3-compatible store, by key, each with its SHA-256 beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from app.domain.errors.storage import S3LibraryMissing, StoreUnreachable

_PIECE = 16 * 1024**2
# A piece that does not come within a minute does not come at all.
_CLIENT: dict[str, Any] = {
    "timeout": timedelta(seconds=60),
    "connect_timeout": timedelta(seconds=5),
}
_RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_SHA256 = "sha256"


@dataclass(frozen=True)
class Bucket:
    """The objects below `url` (`s3://bucket/prefix`).

    `endpoint` is the address of a store that is not Amazon's. Credentials and region come from
    the usual variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION) or from the
    machine's role. Every call raises `StoreUnreachable` where the store does not do as told.
    """

    url: str
    endpoint: str = ""

    def put(self, key: str, file: Path, sha256: str) -> None:
        """Upload a file; it appears as a whole when all of it has arrived, or never."""
        with self._calls() as (library, store):
            noted = {_SHA256: sha256}
            library.put(store, key, file, attributes=noted, chunk_size=_PIECE, max_concurrency=4)

    def fetch(self, key: str, file: Path) -> str | None:
        """Download an object into an absent `file`; its bytes' SHA-256, None where it is not."""
        size = self.size(key)
        if size is None:
            return None
        found = hashlib.sha256()
        with file.open("xb") as handle:
            # In pieces, so that one which is lost on the way is asked for again, not the whole.
            for start in range(0, size, _PIECE):
                piece = self._piece(key, start, min(start + _PIECE, size), size)
                found.update(piece)
                handle.write(piece)
        return found.hexdigest()

    def size(self, key: str) -> int | None:
        """Of an object, in bytes; None where it is not."""
        with self._calls() as (library, store):
            try:
                return int(library.head(store, key)["size"])
            except FileNotFoundError:
                return None

    def written_sha256(self, key: str) -> str | None:
        """The SHA-256 that the writer of an object noted; None where it is not, or has none."""
        with self._calls() as (library, store):
            try:
                noted: str | None = library.get(store, key).attributes.get(_SHA256)
            except FileNotFoundError:
                return None
            return noted

    def remove(self, key: str) -> None:
        """Delete an object; one that is gone already is no error."""
        with self._calls() as (library, store):
            try:
                library.delete(store, key)
            except FileNotFoundError:
                return

    def keys(self, folder: str) -> Iterator[tuple[str, float]]:
        """Every key that begins with `folder/`, and the seconds since it was written."""
        now = datetime.now(UTC)
        with self._calls() as (library, store):
            for page in library.list(store, f"{folder}/"):
                for found in page:
                    yield found["path"], (now - found["last_modified"]).total_seconds()

    def _piece(self, key: str, start: int, end: int, size: int) -> bytes:
        with self._calls() as (library, store):
            if end - start == size:  # a part that is the whole is refused by some stores
                return bytes(library.get(store, key).bytes())
            return bytes(library.get_range(store, key, start=start, end=end))

    @cached_property
    def _store(self) -> Any:
        """Opened at the first call; the address is not asked before."""
        from obstore.store import S3Store

        client: Any = _CLIENT | {"allow_http": self.endpoint.startswith("http://")}
        options: dict[str, Any] = {"endpoint": self.endpoint} if self.endpoint else {}
        return S3Store.from_url(
            self.url,
            client_options=client,
            retry_config=_RETRIES,
            # The store compares what has arrived with what was sent.
            checksum_algorithm="SHA256",
            **options,
        )

    @contextmanager
    def _calls(self) -> Iterator[tuple[Any, Any]]:
        """The client library and the opened store; what they raise is told in our words."""
        try:
            import obstore
            from obstore.exceptions import BaseError
        except ImportError:
            raise S3LibraryMissing from None
        try:
            yield obstore, self._store
        except (BaseError, FileNotFoundError) as error:
            reason = str(error).partition("\n")[0]
            raise StoreUnreachable(self.url, reason) from error
