"""What training keeps, where every machine finds it: in the bucket beside the artifacts."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from app.artifacts.contract import SharedFiles
from app.artifacts.verified_files import digest_of
from app.domain.errors.storage import StoreUnreachable

_log = logging.getLogger(__name__)
_FOLDER = "checkpoints"


class SharedCheckpoints:
    """The files of one attempt of a job, `checkpoints/<job>/<attempt>/<name>`.

    The attempt reads those of earlier attempts and writes its own. A bucket out of reach costs the
    copies, never the training.
    """

    def __init__(self, shared: SharedFiles, job_id: str, attempt: int) -> None:
        self._shared = shared
        self._folder = f"{_FOLDER}/{job_id}"
        self._attempt = attempt
        self._earlier: dict[str, list[int]] = defaultdict(list)

    def fetch(self, folder: Path, there: Mapping[str, int]) -> None:
        """Copy into `folder` the newest file of each name that is newer than the one `there`.

        `there` tells by name which attempt the files of the folder are from. A copy whose bytes
        are not those that were saved is left alone: that stage begins anew.
        """
        try:
            for name, attempts in self._found().items():
                newest = max(attempts)
                if newest > there.get(name, -1):
                    self._fetch(f"{self._folder}/{newest}/{name}", folder / name)
                self._earlier[name] = [n for n in attempts if n < self._attempt]
        except StoreUnreachable as error:
            _log.warning("%s goes on from what this machine has: %s", self._folder, error)

    def share(self, file: Path) -> None:
        """Copy a saved state there; those of earlier attempts under its name go."""
        try:
            self._shared.put(f"{self._folder}/{self._attempt}/{file.name}", file, digest_of(file))
            for number in self._earlier.pop(file.name, []):
                self._shared.remove(f"{self._folder}/{number}/{file.name}")
        except StoreUnreachable as error:
            _log.warning("the state of %s stays on this machine: %s", self._folder, error)

    def _found(self) -> dict[str, list[int]]:
        """By name the attempts that kept such a file, up to this one."""
        found: dict[str, list[int]] = defaultdict(list)
        for key, _ in self._shared.keys(self._folder):
            number, name = key.split("/")[2:]
            if int(number) <= self._attempt:
                found[name].append(int(number))
        return found

    def _fetch(self, key: str, file: Path) -> None:
        saved = self._shared.written_sha256(key)
        if saved is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}.part")
        try:
            if self._shared.fetch(key, fresh) == saved:
                fresh.replace(file)
            else:
                _log.warning("%s is damaged or just replaced, and is not used", key)
        finally:
            fresh.unlink(missing_ok=True)


def drop_shared_checkpoints(shared: SharedFiles, last_attempt: Callable[[str], int]) -> None:
    """Delete what each job kept up to its `last_attempt`, by its id; -1 for one that goes on."""
    last: dict[str, int] = {}
    try:
        for key, _ in list(shared.keys(_FOLDER)):
            job_id, number = key.split("/")[1:3]
            if job_id not in last:
                last[job_id] = last_attempt(job_id)
            if int(number) <= last[job_id]:
                shared.remove(key)
    except StoreUnreachable as error:
        _log.warning("checkpoints of finished transfers stay until the next time: %s", error)
