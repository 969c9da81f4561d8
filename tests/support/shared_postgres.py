"""One PostgreSQL server for all processes of a run that pytest-xdist spreads.

The process that hands out the tests starts it before its first worker and stops it at its own
end; were it killed, the server would go with it. Databases are each test's own, so that tests of
several processes do not meet.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres_server import postgres_server, server_binaries

_URL = "babelport_postgres_url"
_SERVER = pytest.StashKey[str]()


def shared_postgres_url(config: pytest.Config) -> str | None:
    """The address of the run's server; None in a run of one process."""
    inputs: dict[str, Any] = getattr(config, "workerinput", {})
    return inputs.get(_URL)


@pytest.hookimpl(optionalhook=True)  # known where pytest-xdist is installed
def pytest_configure_node(node: Any) -> None:
    """Start the server before the first worker, and tell every worker its address."""
    config: pytest.Config = node.config
    if _SERVER not in config.stash and (binaries := _wanted()) is not None:
        stack = ExitStack()
        config.stash[_SERVER] = stack.enter_context(postgres_server(binaries)).url
        config.add_cleanup(stack.close)
    if _SERVER in config.stash:
        node.workerinput[_URL] = config.stash[_SERVER]


def _wanted() -> Path | None:
    return None if os.environ.get("BABELPORT_TEST_POSTGRES_URL") else server_binaries()
