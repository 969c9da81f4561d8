"""The artifact store that the settings name."""

from __future__ import annotations

from app.artifacts.bucket import Bucket
from app.artifacts.contract import Artifacts
from app.artifacts.disk import DiskArtifacts
from app.artifacts.s3 import S3Artifacts
from app.domain.errors.storage import ArtifactsUrlUnusable
from app.settings import Settings


def open_artifacts(settings: Settings) -> Artifacts:
    """A folder below `data_dir`, or the bucket of `artifacts_url`, which is not asked yet.

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
