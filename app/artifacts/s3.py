"""An artifact store in a bucket of an S3-compatible service, with a cache on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from app.artifacts.bucket import Bucket
from app.artifacts.cache_limit import forget_unused, note_use
from app.artifacts.contract import SharedFiles, Stored
from app.artifacts.disk import DiskArtifacts
from app.artifacts.verified_files import digest_of
from app.domain.errors.storage import ArtifactCorrupted, ArtifactMissing


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
        forget_unused(self._cache, self._cache_bytes)

    def publish(self, file: Path) -> str:
        """Upload a finished file under its digest, which it returns; it is then cached, too."""
        digest = digest_of(file)
        self._bucket.put(_key(digest), file, digest)
        self._cache.adopt(file, digest)
        return digest

    def path(self, digest: str) -> Path:
        """The artifact's file in the cache, fetched where it is not there, and verified."""
        try:
            file = self._cache.path(digest)
        except (ArtifactMissing, ArtifactCorrupted):
            file = self._fetched(digest)
        note_use(self._cache, digest)
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

    def stored(self) -> Iterator[Stored]:
        """Every artifact in the bucket."""
        for key, age in self._bucket.keys(_FOLDER):
            yield Stored(key.rpartition("/")[2], age)

    def unpacked(self, digest: str) -> Path | None:
        """The verified unpacked copy in the cache; None where there is none."""
        found = self._cache.unpacked(digest)
        if found is not None:
            note_use(self._cache, digest)
        return found

    def adopt_unpacked(self, folder: Path, digest: str) -> Path:
        """Make `folder` the unpacked copy of `digest`, unless another process was quicker."""
        return self._cache.adopt_unpacked(folder, digest)

    def _fetched(self, digest: str) -> Path:
        with self.workspace() as folder:
            came = self._bucket.fetch(_key(digest), folder / "artifact")
            if came is None:
                raise ArtifactMissing(digest)
            if came != digest:
                raise ArtifactCorrupted(digest, f"{self._bucket.url}/{_key(digest)}")
            self._cache.adopt(folder / "artifact", digest)
        return self._cache.path(digest)


_FOLDER = "sha256"


def _key(digest: str) -> str:
    return f"{_FOLDER}/{digest}"
