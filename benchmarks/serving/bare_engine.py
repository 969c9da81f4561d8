"""The process of `bare`: idle until it is told to compute for some seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


class BareEngine:
    """`way` says how it computes best; `run` computes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.way = self._read()

    def run(self, seconds: float) -> dict[str, float]:
        """Compute so long: `rate` in texts per second, and `cpu_ms` for each."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the bare engine ended")
        return dict(json.loads(line))


@contextmanager
def bare_engine(model: str, texts: Path, environment: Mapping[str, str]) -> Iterator[BareEngine]:
    """The engine that a service with this environment would compute with, for the block."""
    command = [sys.executable, "-m", "benchmarks.serving.bare", model, str(texts)]
    with subprocess.Popen(
        command,
        cwd=_ROOT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield BareEngine(process)
        assert process.stdin is not None
        process.stdin.close()
