"""Errors about the bytes of models and datasets, and about the room for them."""

from __future__ import annotations

from app.domain.errors import BytesLost


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
