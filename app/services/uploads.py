"""An uploaded file, wholly on this disk, before anyone has read it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Upload:
    """`path` lies in a workspace on the artifacts' own disk; `filename` is what the user calls it.

    `sha256` is of the bytes as sent.
    """

    path: Path
    filename: str
    size_bytes: int
    sha256: str

    @property
    def stem(self) -> str:
        """A record's name where the user gives none: the file's name without its endings."""
        name = Path(self.filename).name
        while Path(name).suffix and Path(name).stem:
            name = Path(name).stem
        kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in name)
        return kept.strip("-")[:100] or "unnamed"


def upload_at(path: Path, filename: str) -> Upload:
    """Describe a file that lies in a workspace."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return Upload(path, filename, path.stat().st_size, digest)
