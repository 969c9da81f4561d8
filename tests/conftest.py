"""Fixtures shared by all rooms live in tests/support; this file only names them."""

pytest_plugins = ["tests.support.databases", "tests.support.service"]
