"""Fixtures shared by all packages live in tests/support; this file only names them."""

import os

# The tests' networks are tiny and many processes run at once: threads would only wait for
# each other. Set before torch is imported, here and in every child.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Workers that compile every model beside a test would take the processors from the test.
os.environ.setdefault("BABELPORT_COMPILE_MODELS", "false")

pytest_plugins = [
    "tests.support.shared_postgres",
    "tests.support.databases",
    "tests.support.ray_cluster",
    "tests.support.s3_server",
    "tests.support.small_disks",
    "tests.support.service",
    "tests.support.served_models",
    "tests.support.narrow_service",
]
