"""What every use case works with, made once per process at its edge."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from app.artifacts.contract import Artifacts
from app.artifacts.disk import DiskArtifacts
from app.artifacts.s3 import Bucket, S3Artifacts
from app.domain.errors.service import ArtifactsUrlUnusable
from app.learn.vector_cache import SqliteVectorCache, VectorCache
from app.settings import Settings
from app.store.database import open_database, session_factory


@dataclass(frozen=True)
class Context:
    """The settings, the artifacts and the database sessions of this process.

    `sessions` may write, and keep other writers out meanwhile; `readers` only read.
    `vectors` are those of texts that any transfer has encoded.
    """

    settings: Settings
    artifacts: Artifacts
    sessions: sessionmaker[Session]
    readers: sessionmaker[Session]
    vectors: VectorCache

    def close(self) -> None:
        """Give the connections to the database back."""
        self.sessions.kw["bind"].dispose()


def open_context(settings: Settings) -> Context:
    """Open the artifacts and the database; no connection is made yet."""
    engine = open_database(
        settings.url, settings.database_connections, settings.database_wait_seconds
    )
    return Context(
        settings=settings,
        artifacts=open_artifacts(settings),
        sessions=session_factory(engine),
        readers=session_factory(engine, reads_only=True),
        vectors=SqliteVectorCache(
            settings.data_dir / "vectors.sqlite", settings.vector_cache_bytes
        ),
    )


def open_artifacts(settings: Settings) -> Artifacts:
    """A folder below `data_dir`, or the bucket of `artifacts_url`, which is not connected to yet.

    Raises `ArtifactsUrlUnusable`.
    """
    disk = DiskArtifacts(settings.data_dir / "artifacts")
    url = settings.artifacts_url.rstrip("/")
    if not url:
        return disk
    if not url.startswith("s3://") or url == "s3:":
        raise ArtifactsUrlUnusable(url)
    bucket = Bucket(url, settings.artifacts_endpoint)
    return S3Artifacts(bucket, disk, settings.artifacts_cache_bytes)
