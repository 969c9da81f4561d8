"""The settings with which the peers are tried; each is measured at its best one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.cli.processes import free_port
from benchmarks.serving.dialects import LITSERVE, MLSERVER, MODEL
from benchmarks.serving.server import Start

HERE = Path(__file__).parent
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Peer:
    """Settings of a peer: requests in a batch, seconds to wait for them, and processes.

    The processors are shared out among the processes that compute. `workers` 0 is MLServer's
    computing within the server's own process.
    """

    kind: str
    batch: int = 1
    wait: float = 0.0
    workers: int = 1

    @property
    def about(self) -> dict[str, object]:
        """The settings in words."""
        told: dict[str, object] = {"max_batch_size": self.batch, "wait_seconds": self.wait}
        return told | {"workers": self.workers, "threads_each": self.threads}

    @property
    def threads(self) -> int:
        """Threads of each process that computes."""
        return max(1, len(os.sched_getaffinity(0)) // max(1, self.workers))


GRID = (
    Peer("litserve", workers=2),
    Peer("litserve", 16, 0.01),
    Peer("litserve", 16, 0.01, workers=2),
    Peer("mlserver", workers=0),
    Peer("mlserver", workers=2),
    Peer("mlserver", 16, 0.01),
)
# What rehearsals take without trying the grid.
USUAL = {"litserve": Peer("litserve", 16, 0.01), "mlserver": Peer("mlserver", 16, 0.01)}


def start_of(peer: Peer, environment: Path, model: Path, folder: Path) -> Start:
    """How a peer with these settings is started; `environment` holds its Python."""
    variables = {
        "TOPICS_MODEL": str(model),
        "TOPICS_THREADS": str(peer.threads),
        "OMP_NUM_THREADS": str(peer.threads),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": str(HERE),
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    if peer.kind == "litserve":
        port = free_port(_HOST, 8400)
        settings = [peer.batch, peer.wait, peer.workers]
        command = [environment / "bin" / "python", HERE / "litserve_server.py", port, *settings]
        dialect = LITSERVE
    else:
        port, *others = _free_ports()
        _write_mlserver(peer, folder, port, others)
        command = [environment / "bin" / "mlserver", "start", folder]
        dialect = MLSERVER
    words = [str(word) for word in command]
    url = f"http://{_HOST}:{port}"
    return Start(peer.kind, words, variables, folder, url, dialect, peer.about)


def _free_ports() -> Iterator[int]:
    return (free_port(_HOST, preferred) for preferred in (8410, 8411, 8412))


def _write_mlserver(peer: Peer, folder: Path, port: int, others: list[int]) -> None:
    server = {
        "debug": False,
        "host": _HOST,
        "http_port": port,
        "grpc_port": others[0],
        "metrics_port": others[1],
        "parallel_workers": peer.workers,
        "metrics_dir": str(folder / "metrics"),
    }
    model: dict[str, object] = {"name": MODEL, "implementation": "mlserver_runtime.TopicsRuntime"}
    if peer.batch > 1:
        model |= {"max_batch_size": peer.batch, "max_batch_time": peer.wait}
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(model))
