"""All servers of a run: prepared, started together, each with its file of requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.dialects import Dialect
from benchmarks.serving.ours import VARIANTS, prepare, start_of_ours
from benchmarks.serving.peers.configurations import USUAL, Peer, start_of
from benchmarks.serving.peers.environments import environment_of
from benchmarks.serving.server import Server, Start
from benchmarks.serving.texts import mixed_texts

TEXTS = 2000
SERVERS = (*VARIANTS, *USUAL)


@dataclass(frozen=True)
class Stage:
    """What all servers share: the model's directory, the texts, and where things are kept.

    `environments` holds the peers' virtual environments.
    """

    folder: Path
    environments: Path
    model: Path
    texts: tuple[str, ...]

    def start(self, name: str, peers: Mapping[str, Peer] = USUAL) -> Start:
        """How the server `name` is started; `peers` are the settings of each peer."""
        place = self.folder / "servers" / name
        if name in VARIANTS:
            return start_of_ours(name, self.folder, place)
        environment = environment_of(name, self.environments)
        return start_of(peers[name], environment, self.model, place)

    def bodies(self, name: str, dialect: Dialect) -> Path:
        """The file of the requests in a server's dialect, one a line."""
        return self._written(f"{name}.bodies", map(dialect.encoded, self.texts))

    def texts_file(self) -> Path:
        """The file of the texts themselves, one a line."""
        return self._written("texts", self.texts)

    def _written(self, name: str, lines: Iterable[str]) -> Path:
        file = self.folder / name
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file


def set_stage(data: Path, environments: Path, folder: Path) -> Stage:
    """Make the served model unless `folder` has it already; `data` is SIB-200's folder."""
    model = prepare(data, folder)
    return Stage(folder, environments, model, tuple(mixed_texts(data, TEXTS)))


@contextmanager
def running(starts: Sequence[Start]) -> Iterator[list[Server]]:
    """All servers up, their models loaded, and paused; stopped at the end of the block."""
    with ExitStack() as opened:
        servers = []
        for start in starts:
            server = opened.enter_context(Server(start))
            server.wait_until_it_answers()
            server.pause()
            servers.append(server)
        yield servers
