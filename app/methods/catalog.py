"""The methods there are: every package here with a `spec.py` that defines `SPEC`."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from importlib import import_module

import app.methods
from app.domain.errors.methods import MethodUnknown
from app.methods.contract import MethodSpec, Run


@lru_cache(maxsize=1)
def methods() -> tuple[MethodSpec, ...]:
    """Every method's specification, by name; imports no torch."""
    packages = [found.name for found in pkgutil.iter_modules(app.methods.__path__) if found.ispkg]
    specs = [import_module(f"app.methods.{name}.spec").SPEC for name in packages]
    return tuple(sorted(specs, key=lambda spec: spec.name))


def method_named(name: str) -> MethodSpec:
    """The method called `name`; raises `MethodUnknown`."""
    for spec in methods():
        if spec.name == name:
            return spec
    raise MethodUnknown(name, tuple(spec.name for spec in methods()))


def run_of(spec: MethodSpec) -> Run:
    """The function that does the method's work; imports torch, so only for a transfer's process."""
    module, function = spec.run.split(":")
    run: Run = getattr(import_module(module), function)
    return run
