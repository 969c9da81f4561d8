"""What loaded models hold in memory, beside what the service counts for them.

    python -m benchmarks.resident_memory [--small]

Each model is opened and warmed up in a fresh process, after a tiny one by the same engine, so
that libraries are not counted. `held` is the growth of resident memory (VmRSS).
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.network import Network
from app.runtimes.contract import Runtime
from app.runtimes.onnx.export import export_network, quantise
from app.runtimes.onnx.onnxruntime_engine import open_onnx
from app.runtimes.onnx.openvino_engine import open_openvino
from app.runtimes.torch_runtime import TorchRuntime
from app.serving.predictor_process import warm_up
from app.settings import settings
from benchmarks.record import record
from tests.support.models import a_text_classifier

ENGINES = (
    ("torch", "float32"),
    ("onnxruntime", "float32"),
    ("onnxruntime", "int8"),
    ("openvino", "bfloat16"),
    ("openvino", "float32"),
)
_WIDE = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
_NARROW = {"hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024}
_MIB = 2**20


def main() -> None:
    """Make the models, measure each with each engine, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny model alone, as a rehearsal")
    small = parser.parse_args().small
    with TemporaryDirectory() as place:
        tiny = _made(a_text_classifier(Path(place) / "tiny"))
        found = []
        for name, folder in _models(Path(place), small):
            _made(folder)
            for engine, precision in ENGINES:
                one = _measured(tiny, folder, engine, precision)
                found.append({"model": name, "engine": engine, "precision": precision} | one)
                print(json.dumps(found[-1]), flush=True)
    if not small:
        record("resident_memory", {"models": found})


def _models(place: Path, small: bool) -> list[tuple[str, Path]]:
    narrow = a_text_classifier(place / "narrow", num_hidden_layers=4, **_NARROW)
    found = [("4 layers of 256, few tokens", narrow)]
    if small:
        return found
    wide = a_text_classifier(place / "wide", num_hidden_layers=12, **_WIDE)
    found.append(("12 layers of 768, few tokens", wide))
    found.append(("12 layers of 384, 250,037 tokens", _starter(place / "starter")))
    return found


def _starter(folder: Path) -> Path:
    source = starter_encoder(settings().data_dir)
    layout = detect_format(source)
    facts = layout.inspect(source, ModelHints())
    network: Network = layout.load(source, facts)
    network.add_head(("a", "b", "c", "d", "e", "f", "g"))
    layout.save(network, facts, folder)
    return folder


def _made(folder: Path) -> Path:
    """The folder, with its graphs below it."""
    layout = detect_format(folder)
    network = layout.load(folder, layout.inspect(folder, ModelHints()))
    graphs = folder.with_name(f"{folder.name}-graphs")
    (graphs / "float32").mkdir(parents=True)
    export_network(network, None, graphs / "float32", True, True)
    quantise(graphs / "float32", graphs / "int8", True)
    return folder


def _measured(tiny: Path, folder: Path, engine: str, precision: str) -> dict[str, float]:
    code = "from benchmarks.resident_memory import child; child()"
    command = [sys.executable, "-c", code, str(tiny), str(folder), engine, precision]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def child() -> None:
    """Open a tiny model and then the one to be measured; print what was counted and held."""
    tiny, folder, engine, precision = sys.argv[1:]
    kept = [_opened(Path(tiny), engine, precision)]
    before = _resident()
    kept.append(_opened(Path(folder), engine, precision))
    gc.collect()
    after = _resident()
    counted = kept[1].size_bytes
    held = {name: after[name] - before[name] for name in after}
    figures = {"counted_mib": counted, "held_mib": held["VmRSS"], "held_anon_mib": held["RssAnon"]}
    print(json.dumps({name: round(number / _MIB, 1) for name, number in figures.items()}))


def _opened(folder: Path, engine: str, precision: str) -> Runtime:
    layout = detect_format(folder)
    facts = layout.inspect(folder, ModelHints())
    runtime = _runtime(folder, layout, facts, engine, precision)
    warm_up(runtime, facts, (1, 2))
    return runtime


def _runtime(folder: Path, layout: Any, facts: Any, engine: str, precision: str) -> Runtime:
    graphs = folder.with_name(f"{folder.name}-graphs")
    if engine == "torch":
        return TorchRuntime(layout.load(folder, facts), precision)
    if engine == "openvino":
        return open_openvino(graphs / "float32", precision)
    return open_onnx(graphs / ("int8" if precision == "int8" else "float32"))


def _resident() -> dict[str, int]:
    """Bytes by the kernel's names."""
    lines = Path("/proc/self/status").read_text().splitlines()
    pairs = (line.split() for line in lines if line.startswith(("VmRSS:", "RssAnon:")))
    return {name.rstrip(":"): int(kib) * 1024 for name, kib, _ in pairs}


if __name__ == "__main__":
    main()
