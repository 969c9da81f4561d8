"""The example that carries digits over HTTP, against a live service and a real worker."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.service import Service


def test_the_example_reports_the_transfer_beside_its_baselines(
    working_service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = _digits(tmp_path / "latin.npz", ("x_train", "y_train", "x_test", "y_test"), seed=1)
    foreign = _digits(tmp_path / "bangla.npz", ("x", "y"), seed=2)
    arguments = ["--source", str(known), "--target", str(foreign), "--url", working_service.url]
    arguments += ["--epochs", "1", "--steps", "4", "--per-class", "3", "--format", "onnx"]
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    monkeypatch.setattr(sys, "argv", ["digits.py", *arguments])
    monkeypatch.setenv("COLUMNS", "160")

    from examples import digits

    digits.main()

    printed = capsys.readouterr().out
    for kind in ("transferred", "source-model", "majority", "source-before", "source-after"):
        assert kind in printed
    assert "The transferred model" in printed
    model = working_service.client.models.list(name="latin-digits-bn")["items"][0]
    assert f"{working_service.url}/v1/models/{model['id']}" in printed
    assert model["facts"]["format"] == "onnx"


def _digits(file: Path, names: tuple[str, ...], seed: int) -> Path:
    """Bars at ten heights, 20 of each, with noise; `names` in pairs of images and digits."""
    generator = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for x, y in zip(names[::2], names[1::2], strict=True):
        digits = np.arange(200) % 10
        images = generator.integers(0, 60, (200, 28, 28), dtype=np.uint8)
        for row, digit in enumerate(digits):
            images[row, 2 * digit + 2 : 2 * digit + 8, 4:24] = 255
        arrays |= {x: images, y: digits.astype(np.uint8)}
    np.savez(file, **arrays)
    return file
