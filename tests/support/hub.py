"""A model hub on this machine: the few addresses that a download asks for, over a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def a_hub(models: dict[str, Path]) -> Iterator[str]:
    """The address of a hub that holds `models` (folders by `owner/name`)."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, body: bool) -> None:
            content = _content(models, self.path.split("?")[0])
            if content is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", _COMMIT)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _content(models: dict[str, Path], path: str) -> bytes | None:
    for name, folder in models.items():
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        names = [file.relative_to(folder).as_posix() for file in files]
        if path.startswith(f"/api/models/{name}/tree/"):
            entries = [_entry(file, known) for file, known in zip(files, names, strict=True)]
            return json.dumps(entries).encode()
        if path.startswith(f"/api/models/{name}"):
            siblings = [{"rfilename": known} for known in names]
            return json.dumps({"id": name, "sha": _COMMIT, "siblings": siblings}).encode()
        start = f"/{name}/resolve/{_COMMIT}/"
        if path.startswith(start) and path.removeprefix(start) in names:
            return (folder / path.removeprefix(start)).read_bytes()
    return None


def _entry(file: Path, name: str) -> dict[str, object]:
    digest = hashlib.sha1(file.read_bytes()).hexdigest()
    return {"type": "file", "path": name, "size": file.stat().st_size, "oid": digest}
