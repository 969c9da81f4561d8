"""Which entries of the grid can be tried on what was given, and why the others cannot."""

from __future__ import annotations

from pydantic import ValidationError

from app.domain.enums import Companion
from app.domain.errors import InvalidInput
from app.methods.auto.grid import GRID, Cost, Entry
from app.methods.catalog import methods
from app.methods.contract import Asked, MethodInput, MethodSpec


def candidates(given: MethodInput, rows: int) -> tuple[list[Entry], dict[str, str]]:
    """The entries to try, in the grid's order, and the reason against each other one by name.

    `rows` counts the labelled target rows.
    """
    specs = {spec.name: spec for spec in methods()}
    chosen: list[Entry] = []
    reasons: dict[str, str] = {}
    for entry in GRID:
        reason = _against(entry, specs, given, rows)
        if reason is None:
            chosen.append(entry)
        else:
            reasons[entry.name] = reason
    return chosen, reasons


def _against(
    entry: Entry, specs: dict[str, MethodSpec], given: MethodInput, rows: int
) -> str | None:
    if entry.method is None:
        return None
    if entry.method not in specs:
        return "There is no such method here."
    spec = specs[entry.method]
    if spec.companion is Companion.REQUIRED and not given.companion:
        return "It needs a companion model."
    if entry.cost is Cost.BODY and rows < given.parameters.body_rows:
        return f"{rows} labelled rows are fewer than body_rows ({given.parameters.body_rows})."
    return _unfit(spec, given) or _unknown(entry, spec) or _refused(entry, spec, given)


def _unfit(spec: MethodSpec, given: MethodInput) -> str | None:
    roles = given.roles
    missing = sorted(spec.required_roles - roles)
    if missing:
        return f"It needs {' and '.join(missing)} data."
    if spec.one_of and not spec.one_of & roles:
        return f"It needs one of {', '.join(sorted(spec.one_of))}."
    if given.network.task not in spec.tasks:
        return f"It is not for {given.network.task}."
    return None


def _refused(entry: Entry, spec: MethodSpec, given: MethodInput) -> str | None:
    """What the method's own check has against it."""
    if spec.check is None:
        return None
    rows = {role: len(getattr(given, role.value)) for role in given.roles}
    companion = None if given.companion is None else "given"
    parameters = spec.parameters.model_validate(entry.parameters)
    try:
        spec.check(Asked(parameters, rows, companion))
    except InvalidInput as problem:
        return str(problem)
    return None


def _unknown(entry: Entry, spec: MethodSpec) -> str | None:
    try:
        spec.parameters.model_validate(entry.parameters)
    except ValidationError:
        return "The method has no such setting here."
    return None
