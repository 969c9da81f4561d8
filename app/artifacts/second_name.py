"""A second name for a finished file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def give_second_name(file: Path, name: Path) -> None:
    """Make `name`, which must be absent, another name of the same bytes; neither may change."""
    try:
        os.link(file, name)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(file, name)
