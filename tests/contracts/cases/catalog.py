"""The cases there are: the CASES of every file of this package."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import tests.contracts.cases
from tests.contracts.cases.case import Case


def all_cases() -> list[Case]:
    """Every case, by the name of its file."""
    names = sorted(found.name for found in pkgutil.iter_modules(tests.contracts.cases.__path__))
    modules = [import_module(f"tests.contracts.cases.{name}") for name in names]
    return [case for module in modules for case in getattr(module, "CASES", ())]
