"""Artifacts in a bucket of an S3-compatible service, with a bounded cache on this machine."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from app.artifacts.contract import SharedFiles, StoredArtifact
from app.artifacts.disk import DiskArtifacts, sha256_of
from app.domain.errors.service import (
    ArtifactCorrupted,
    ArtifactMissing,
    S3LibraryMissing,
    StoreUnreachable,
)

_FOLDER = "sha256"
_PART_BYTES = 16 * 1024**2
# A part that does not come within a minute does not come at all.
_CLIENT_OPTIONS: dict[str, Any] = {
    "timeout": timedelta(seconds=60),
    "connect_timeout": timedelta(seconds=5),
}
_RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_SHA256_ATTRIBUTE = "sha256"
# What was used so lately may just be opened: it is left alone, even above the bound.
_JUST_USED_SECONDS = 600.0


class S3Artifacts:
    """Objects `sha256/<digest>` in a bucket; what is read lies in `cache`, verified.

    Bytes of the cache that are damaged are fetched again; those of the bucket are refused. The
    cache is brought below `cache_bytes` by `sweep`, so it may be larger for a while.
    """

    def __init__(self, bucket: Bucket, cache: DiskArtifacts, cache_bytes: int) -> None:
        self._bucket = bucket
        self._cache = cache
        self._cache_bytes = cache_bytes
        self.temporary = cache.temporary
        self.shared: SharedFiles | None = bucket

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder on the cache's disk, gone at the end."""
        return self._cache.workspace()

    def sweep(self) -> None:
        """Delete what killed processes left here, and from the cache what was not used lately."""
        self._cache.sweep()
        evict_unused(self._cache, self._cache_bytes)

    def publish(self, file: Path) -> str:
        """Upload a finished file under its digest, which it returns; it is then cached, too."""
        digest = sha256_of(file)
        self._bucket.put(_key(digest), file, digest)
        self._cache.adopt(file, digest)
        return digest

    def path(self, digest: str) -> Path:
        """The artifact's file in the cache, fetched where it is not there, and verified."""
        try:
            file = self._cache.path(digest)
        except (ArtifactMissing, ArtifactCorrupted):
            file = self._fetched(digest)
        record_use(self._cache, digest)
        return file

    def exists(self, digest: str) -> bool:
        """Whether the bucket holds the artifact."""
        return self._bucket.size(_key(digest)) is not None

    def remove(self, digest: str) -> None:
        """Delete the artifact in the bucket and here; other machines forget it in time."""
        self._bucket.remove(_key(digest))
        self._cache.remove(digest)

    def set_aside(self, digest: str) -> Path | None:
        """Delete the artifact, and move its unpacked copy here to the folder that is returned."""
        self._bucket.remove(_key(digest))
        return self._cache.set_aside(digest)

    def stored(self) -> Iterator[StoredArtifact]:
        """Every artifact in the bucket."""
        for key, age in self._bucket.keys(_FOLDER):
            yield StoredArtifact(key.rpartition("/")[2], age)

    def unpacked(self, digest: str) -> Path | None:
        """The verified unpacked copy in the cache; None where there is none."""
        found = self._cache.unpacked(digest)
        if found is not None:
            record_use(self._cache, digest)
        return found

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
        return self._cache.adopt_unpacked(folder, digest)

    def _fetched(self, digest: str) -> Path:
        with self.workspace() as folder:
            sha256 = self._bucket.fetch(_key(digest), folder / "artifact")
            if sha256 is None:
                raise ArtifactMissing(digest)
            if sha256 != digest:
                raise ArtifactCorrupted(digest, f"{self._bucket.url}/{_key(digest)}")
            self._cache.adopt(folder / "artifact", digest)
        return self._cache.path(digest)


def _key(digest: str) -> str:
    return f"{_FOLDER}/{digest}"


@dataclass(frozen=True)
class Bucket:
    """The objects below `url` (`s3://bucket/prefix`).

    `endpoint` is the address of a store that is not Amazon's. Credentials and region come from
    the usual variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION) or from the
    machine's role. Every call raises `StoreUnreachable` where the store fails.
    """

    url: str
    endpoint: str = ""

    def put(self, key: str, file: Path, sha256: str) -> None:
        """Upload a file; it appears as a whole when all of it has arrived, or never."""
        with self._calls() as (library, store):
            attributes = {_SHA256_ATTRIBUTE: sha256}
            library.put(
                store, key, file, attributes=attributes, chunk_size=_PART_BYTES, max_concurrency=4
            )

    def fetch(self, key: str, file: Path) -> str | None:
        """Download an object into an absent `file`; its bytes' SHA-256, None where it is not."""
        size = self.size(key)
        if size is None:
            return None
        found = hashlib.sha256()
        with file.open("xb") as handle:
            # In parts, so that one which is lost on the way is fetched again, not the whole.
            for start in range(0, size, _PART_BYTES):
                part = self._get_range(key, start, min(start + _PART_BYTES, size), size)
                found.update(part)
                handle.write(part)
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
                digest: str | None = library.get(store, key).attributes.get(_SHA256_ATTRIBUTE)
            except FileNotFoundError:
                return None
            return digest

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

    def _get_range(self, key: str, start: int, end: int, size: int) -> bytes:
        with self._calls() as (library, store):
            if end - start == size:  # a part that is the whole is refused by some stores
                return bytes(library.get(store, key).bytes())
            return bytes(library.get_range(store, key, start=start, end=end))

    @cached_property
    def _store(self) -> Any:
        """Opened at the first call; there is no connection before."""
        from obstore.store import S3Store

        client: Any = _CLIENT_OPTIONS | {"allow_http": self.endpoint.startswith("http://")}
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
        """The client library and the opened store; what they raise becomes `StoreUnreachable`."""
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


def evict_unused(cache: DiskArtifacts, max_bytes: int) -> None:
    """Delete the artifacts that were not used for longest, until the rest fits `max_bytes`."""
    sizes, uses = {}, {}
    for digest in cache.digests():
        sizes[digest], uses[digest] = _size_and_last_use(cache, digest)
    too_many = sum(sizes.values()) - max_bytes
    for digest in sorted(uses, key=uses.__getitem__):
        if too_many <= 0 or time.time() - uses[digest] < _JUST_USED_SECONDS:
            return
        cache.remove(digest)
        too_many -= sizes[digest]


def record_use(cache: DiskArtifacts, digest: str) -> None:
    """Remember that an artifact of the cache was used now; the times of change stay."""
    for path in _access_files(cache, digest):
        try:
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except OSError:
            continue  # not there, or just forgotten


def _size_and_last_use(cache: DiskArtifacts, digest: str) -> tuple[int, float]:
    """Bytes, and the moment of the last use."""
    copy = cache.unpacked_path(digest)
    size = sum(
        found.st_size for found in _stat_existing([cache.file_path(digest), *copy.rglob("*")])
    )
    used = [found.st_atime for found in _stat_existing(_access_files(cache, digest))]
    return size, max(used, default=0.0)


def _access_files(cache: DiskArtifacts, digest: str) -> list[Path]:
    """The files whose time of access tells the last use; to look for them is no access."""
    return [cache.file_path(digest), cache.list_path(digest)]


def _stat_existing(paths: list[Path]) -> Iterator[os.stat_result]:
    for path in paths:
        with suppress(FileNotFoundError):
            yield path.stat()
