"""What every use case works with, made once per process at its edge."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from app.artifacts.contract import Artifacts
from app.artifacts.open_artifacts import open_artifacts
from app.learn.vector_cache import VectorCache
from app.learn.vector_file import VectorFile
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
        vectors=VectorFile(settings.data_dir / "vectors.sqlite", settings.vector_cache_bytes),
    )
