"""Which engine a worker has."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors.service import EngineUnfit
from app.engines.local import LocalEngine
from app.engines.ray import RayEngine, RayNeeds
from app.settings import Settings
from app.worker.context import engine_for, slots


def test_transfers_run_on_the_workers_machine_unless_ray_is_asked_for() -> None:
    assert isinstance(engine_for(Settings()), LocalEngine)


def test_ray_is_told_what_a_transfer_needs(tmp_path: Path) -> None:
    asked = Settings(
        data_dir=tmp_path, engine="ray", ray_address="head:6379", ray_gpus=0.5, ray_workers=3
    )
    engine = engine_for(asked)
    assert isinstance(engine, RayEngine)
    assert engine.needs == RayNeeds("head:6379", cpus=1.0, gpus=0.5, workers=3)


def test_a_folder_that_other_machines_cannot_know_is_refused() -> None:
    with pytest.raises(EngineUnfit, match="var"):
        engine_for(Settings(data_dir=Path("var"), engine="ray"))


def test_what_a_transfer_may_use_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    found = slots(Settings(engine="ray", ray_slots=3))
    assert [(slot.name, slot.environment) for slot in found] == [
        ("ray-0", {}),
        ("ray-1", {}),
        ("ray-2", {}),
    ]
