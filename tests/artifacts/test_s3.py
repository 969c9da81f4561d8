"""What a store in a bucket does beyond the contract: its cache, and a bucket out of reach."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.artifacts.archive import open_folder
from app.artifacts.disk import DiskArtifacts
from app.artifacts.s3 import Bucket, S3Artifacts
from app.domain.errors.service import ArtifactsUrlUnusable, StoreUnreachable
from app.services.context import open_artifacts
from app.settings import Settings
from tests.support.archives import a_zip
from tests.support.s3_server import S3Server

LONG_AGO = 1_000_000_000


def published(store: S3Artifacts, content: bytes) -> str:
    with store.workspace() as workspace:
        (workspace / "file").write_bytes(content)
        return store.publish(workspace / "file")


@pytest.fixture
def cache(tmp_path: Path) -> DiskArtifacts:
    return DiskArtifacts(tmp_path / "cache")


def test_the_cache_forgets_what_was_not_used_longest_and_fetches_it_again(
    s3: S3Server, cache: DiskArtifacts
) -> None:
    store = S3Artifacts(Bucket(s3.url, s3.endpoint), cache, cache_bytes=250)
    digests = [published(store, bytes([n]) * 100) for n in range(4)]
    for age, digest in enumerate(digests):
        file = cache.file_path(digest)
        os.utime(file, (LONG_AGO + age, file.stat().st_mtime))
    store.sweep()
    assert cache.digests() == set(digests[2:])
    assert store.path(digests[0]).read_bytes() == bytes(100)
    store.sweep()  # what was just used stays, though it is one too many
    assert digests[0] in cache.digests()


def test_an_unpacked_copy_counts_and_goes_with_its_archive(
    s3: S3Server, cache: DiskArtifacts, tmp_path: Path
) -> None:
    store = S3Artifacts(Bucket(s3.url, s3.endpoint), cache, cache_bytes=1_000_000)
    digest = published(store, a_zip(tmp_path / "a.zip", {"x": bytes(2_000_000)}).read_bytes())
    folder = open_folder(store, digest, 10**7, 10)
    assert (folder / "x").stat().st_size == 2_000_000
    for path in (cache.file_path(digest), cache.list_path(digest)):
        os.utime(path, (LONG_AGO, path.stat().st_mtime))
    store.sweep()
    assert cache.digests() == set()
    assert (open_folder(store, digest, 10**7, 10) / "x").read_bytes() == bytes(2_000_000)


def test_a_use_is_noted_without_a_change_that_would_be_verified(
    s3: S3Server, cache: DiskArtifacts
) -> None:
    store = S3Artifacts(Bucket(s3.url, s3.endpoint), cache, 1000)
    file = cache.file_path(published(store, b"bytes"))
    os.utime(file, ns=(1, 123456789))
    store.path(file.name)
    assert file.stat().st_mtime_ns == 123456789
    assert file.stat().st_atime > LONG_AGO


def test_a_bucket_that_is_not_there_is_reported(s3: S3Server, cache: DiskArtifacts) -> None:
    store = S3Artifacts(Bucket("s3://nobody-made-this/x", s3.endpoint), cache, 1000)
    with pytest.raises(StoreUnreachable, match="nobody-made-this"):
        published(store, b"bytes")
    assert cache.digests() == set()


def test_a_server_that_is_not_there_is_reported(s3: S3Server, cache: DiskArtifacts) -> None:
    store = S3Artifacts(Bucket(s3.url, "http://127.0.0.1:9"), cache, 1000)
    with pytest.raises(StoreUnreachable):
        store.path("0" * 64)


def test_an_address_that_is_no_bucket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactsUrlUnusable, match="gopher"):
        open_artifacts(Settings(data_dir=tmp_path, artifacts_url="gopher://hole"))
