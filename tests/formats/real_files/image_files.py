"""Image datasets as people have them."""

from __future__ import annotations

from tests.formats.real_files.case import Facts, RealFile
from tests.support.datasets import an_idx_zip

IMAGE_FILES: tuple[RealFile, ...] = (
    RealFile(
        "mnist.zip",
        "two gzipped IDX files of MNIST",
        lambda file: an_idx_zip(file, rows=20),
        Facts({"kind": "images", "rows": 20, "image_shape": [1, 28, 28]}),
    ),
)
