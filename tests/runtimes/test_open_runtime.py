"""Which runtime is opened, by what was compiled and by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.artifacts.archive import pack
from app.domain.models import Compiled, ImageInput, Servable
from app.formats.catalog import format_named
from app.runtimes.onnx.export import export_network
from app.runtimes.open_runtime import open_runtime
from app.services.context import Context, open_context
from app.settings import Settings
from tests.support.claimed_transfers import store_model
from tests.support.models import a_declared_digit_reader


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return open_context(Settings(data_dir=tmp_path / "var"))


@pytest.mark.parametrize(
    ("chosen", "overrides", "opened"),
    [
        (None, {}, ("torch", "float32")),
        ("onnxruntime float32", {}, ("onnxruntime", "float32")),
        ("onnxruntime float32", {"serving_engine": "onnxruntime"}, ("onnxruntime", "float32")),
        ("onnxruntime float32", {"serving_engine": "torch"}, ("torch", "float32")),
        ("onnxruntime float32", {"serving_precision": "float32"}, ("onnxruntime", "float32")),
        ("onnxruntime int8", {"serving_precision": "float32"}, ("torch", "float32")),
        ("openvino bfloat16", {}, ("openvino", "bfloat16")),
        ("openvino bfloat16", {"serving_engine": "openvino"}, ("openvino", "bfloat16")),
        ("openvino bfloat16", {"serving_engine": "onnxruntime"}, ("onnxruntime", "float32")),
        ("openvino bfloat16", {"serving_precision": "float32"}, ("onnxruntime", "float32")),
        ("openvino bfloat16", {"serving_engine": "torch"}, ("torch", "float32")),
        ("torch bfloat16", {}, ("torch", "bfloat16")),
        ("torch bfloat16", {"serving_precision": "float32"}, ("torch", "float32")),
    ],
)
def test_what_was_compiled_is_opened_as_far_as_the_settings_allow_it(
    tmp_path: Path,
    context: Context,
    chosen: str | None,
    overrides: dict[str, Any],
    opened: tuple[str, str],
) -> None:
    servable = _servable(context, tmp_path, chosen)
    settings = context.settings.model_copy(update=overrides)
    runtime = open_runtime(settings, context.artifacts, servable)
    assert (runtime.engine, runtime.precision) == opened


def test_where_openvino_is_not_installed_onnx_runtime_computes_its_graph(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runtimes.onnx.openvino_engine.is_openvino_installed", lambda: False)
    servable = _servable(context, tmp_path, "openvino bfloat16")
    runtime = open_runtime(context.settings, context.artifacts, servable)
    assert (runtime.engine, runtime.precision) == ("onnxruntime", "float32")


def _servable(context: Context, folder: Path, chosen: str | None) -> Servable:
    model = store_model(context, a_declared_digit_reader(folder / "model"))
    assert model.sha256 is not None
    assert model.facts is not None
    compiled = None
    if chosen is not None:
        engine, precision = chosen.split()
        made = _compiled(context, folder, model.facts) if engine != "torch" else None
        compiled = Compiled(engine, precision, made)
    return Servable(model.id, model.name, 1, model.sha256, model.facts, compiled)


def _compiled(context: Context, folder: Path, facts: Any) -> str:
    network = format_named(facts.format).load(folder / "model", facts)
    assert isinstance(facts.input, ImageInput)
    (folder / "compiled").mkdir()
    export_network(network, facts.input, folder / "compiled", fused=True, half_embeddings=True)
    with context.artifacts.workspace() as workspace:
        pack(folder / "compiled", workspace / "file")
        return context.artifacts.publish(workspace / "file")
