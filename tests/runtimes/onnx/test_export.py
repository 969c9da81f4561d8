"""What opening a compiled model costs, and graphs of kinds that need care."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.inference import predict
from app.runtimes.onnx.export import export_network
from app.runtimes.onnx.openvino_engine import open_openvino
from tests.support.models import INTENTS, SENTENCES, TAGS, an_encoder

_PROGRAM = """
import json, sys
from pathlib import Path
if sys.argv[3] == "openvino":
    from app.runtimes.onnx.openvino_engine import open_openvino
    runtime = open_openvino(Path(sys.argv[1]), "float32")
else:
    from app.runtimes.onnx.onnxruntime_engine import open_onnx
    runtime = open_onnx(Path(sys.argv[1]))
inputs = json.loads(sys.argv[2])
answers = runtime.run(runtime.prepare(inputs), 1)
heavy = ("torch", "transformers", "onnx", "openvino_telemetry")
heavy = [name for name in heavy if sys.modules.get(name)]
print(json.dumps({"heavy": heavy, "answers": [answer.tolist() for answer in answers]}))
"""


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("task", ["text-classification", "token-classification"])
def test_a_compiled_model_answers_in_a_process_without_torch_or_telemetry(
    tmp_path: Path, task: str, engine: str
) -> None:
    words = task == "token-classification"
    source = an_encoder(tmp_path / "model", TAGS if words else INTENTS, task=task)
    facts = detect_format(source).inspect(source, ModelHints())
    network, compiled = detect_format(source).load(source, facts), tmp_path / "compiled"
    compiled.mkdir()
    export_network(network, None, compiled, fused=True, half_embeddings=True)
    inputs = [text.split() if words else text for text in SENTENCES[:2]]
    command = [sys.executable, "-c", _PROGRAM, str(compiled), json.dumps(inputs), engine]
    output = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert output["heavy"] == []
    wanted = predict(network, [tuple(one) if words else one for one in inputs])
    assert output["answers"][0] == pytest.approx(wanted[0][: len(output["answers"][0])], abs=1e-5)


def test_what_openvino_rounds_stays_near_and_several_threads_may_ask_it(tmp_path: Path) -> None:
    source = an_encoder(tmp_path / "model", INTENTS)
    facts = detect_format(source).inspect(source, ModelHints())
    network, compiled = detect_format(source).load(source, facts), tmp_path / "compiled"
    compiled.mkdir()
    export_network(network, None, compiled, fused=True, half_embeddings=False)
    runtime = open_openvino(compiled)
    wanted = predict(network, list(SENTENCES))
    prepared = runtime.prepare(SENTENCES)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: runtime.run(prepared, 1), range(40)))
    for answers in found:
        np.testing.assert_allclose(np.stack(answers), wanted, atol=0.02)
    assert runtime.precision == "bfloat16"
