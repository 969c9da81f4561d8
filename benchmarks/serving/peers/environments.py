"""The virtual environments of the peers: each has one of its own, so that none limits another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# torch first, as this project asks for it, so that all compute with the same version.
_TORCH = ["torch>=2.10,<2.14"]
_OTHERS = {
    "litserve": ["transformers>=5,<6", "litserve>=0.2.19,<0.3"],
    # Workers of MLServer 1.7.1 do not start with a newer uvloop.
    "mlserver": ["transformers>=5,<6", "mlserver>=1.7.1,<1.8", "uvloop<0.22"],
}


def environment_of(kind: str, folder: Path) -> Path:
    """The environment of a peer below `folder`, made where it is missing."""
    environment = folder / kind
    if not (environment / "bin" / "python").exists():
        print(f"making the environment of {kind} in {environment}", flush=True)
        _run(sys.executable, "-m", "venv", str(environment))
    python = str(environment / "bin" / "python")
    if subprocess.run([python, "-c", f"import torch, transformers, {kind}"]).returncode:
        _run(python, "-m", "pip", "install", "-q", *_TORCH)
        _run(python, "-m", "pip", "install", "-q", *_TORCH, *_OTHERS[kind])
    return environment


def versions_in(environment: Path, *packages: str) -> dict[str, str]:
    """The versions of installed packages."""
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    command = [str(environment / "bin" / "python"), "-c", code, *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(packages, done.stdout.split(), strict=True))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
