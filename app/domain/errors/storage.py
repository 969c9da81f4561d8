"""Errors about the bytes of models and datasets, and about the room for them."""

from __future__ import annotations

from app.domain.errors import BytesLost, InvalidInput, NoSpace, Unavailable


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
            'Install it: pip install "babelport[s3]".',
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
