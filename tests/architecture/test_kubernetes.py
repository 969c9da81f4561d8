"""The manifests of deploy/kubernetes, held against the settings and the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from app.cli.main import app
from app.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"


def _documents() -> dict[str, dict[str, Any]]:
    """By `kind/name`."""
    found = [d for file in sorted(FOLDER.glob("*.yaml")) for d in yaml.safe_load_all(file.open())]
    return {f"{d['kind']}/{d['metadata']['name']}": d for d in found}


def _pods(part: Any) -> list[dict[str, Any]]:
    """Every pod's specification below `part`."""
    if isinstance(part, list):
        return [pod for each in part for pod in _pods(each)]
    if not isinstance(part, dict):
        return []
    return ([part] if "containers" in part else []) + _pods(list(part.values()))


def _containers() -> list[dict[str, Any]]:
    return [c for pod in _pods(list(_documents().values())) for c in pod["containers"]]


def test_the_settings_of_the_manifests_are_settings_of_ours() -> None:
    data = _documents()["ConfigMap/babelport"]["data"]
    ours = {name.removeprefix("BABELPORT_").lower(): value for name, value in data.items()}
    known = {name: ours[name] for name in ours if name in Settings.model_fields}
    settings = Settings.model_validate(known)
    assert {n for n in data if n.startswith("BABELPORT_")} == {
        f"BABELPORT_{name.upper()}" for name in known
    }
    assert (settings.engine, settings.ray_slots) == ("ray", 3)
    assert settings.data_dir.is_absolute()


def test_three_ray_workers_each_hold_one_transfer_and_nobody_enters_without_the_token() -> None:
    documents = _documents()
    spec = documents["RayCluster/babelport-ray"]["spec"]
    [group] = spec["workerGroupSpecs"]
    assert group["replicas"] == 3
    [trainer] = group["template"]["spec"]["containers"]
    needed = documents["ConfigMap/babelport"]["data"]["BABELPORT_RAY_CPUS"]
    assert trainer["resources"]["limits"]["cpu"] == needed
    assert spec["authOptions"] == {"mode": "token", "secretName": "babelport-ray-token"}


def test_all_run_one_image_and_commands_that_there_are() -> None:
    assert {container["image"] for container in _containers()} == {"babelport:ray"}
    commands = [c["command"] for c in _containers() if "command" in c]
    assert {command[1] for command in commands} == {"api", "migrate", "worker"}
    for _, command in commands:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_what_is_mounted_is_there() -> None:
    for pod in _pods(list(_documents().values())):
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        mounted = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])}
        assert mounted == volumes


def test_the_deployment_guide_names_every_manifest_and_every_setting_of_the_engine() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text()
    assert all(f"deploy/kubernetes/{file.name}" in text for file in FOLDER.glob("*.yaml"))
    engine = [n for n in Settings.model_fields if n == "engine" or n.startswith("ray_")]
    assert all(f"`BABELPORT_{name.upper()}`" in text for name in engine)
