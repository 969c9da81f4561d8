"""What a user asks of a transfer, and whether it can be done: found out before it is queued."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.domain.enums import Role
from app.domain.errors.transfer_requests import (
    FractionsTooLarge,
    LanguageDiffers,
    NoRoleOf,
    ParametersInvalid,
    RolesInvalid,
)
from app.domain.invalid_fields import explain_fields
from app.domain.languages import parse_language
from app.domain.roles import SOURCE_ROLES
from app.domain.transfers import Sample
from app.methods.catalog import method_named
from app.methods.contract import MethodSpec

_MOST_SPLIT_OFF = 0.9


@dataclass(frozen=True)
class TransferRequest:
    """The part of a transfer's specification that names no record."""

    language: str
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    seed: int = 0
    repeats: int = 1
    sample: Sample | None = None
    validation_fraction: float | None = None
    test_fraction: float = 0.2
    wanted_precision: float = 0.95
    companion: str | None = None
    label_mapping: dict[str, str] = field(default_factory=dict)


def check_request(request: TransferRequest, roles: set[Role]) -> dict[str, Any]:
    """Check what needs no look at the model and the data; returns the specification's fields.

    `roles` are those that datasets are given for. The parameters come back complete, with the
    method's defaults. Raises an `InvalidInput` that says what to mend, or `MethodUnknown`.
    """
    method = method_named(request.method)
    parameters = _check_parameters(method, request.parameters)
    language = parse_language(request.language)
    _check_roles(method, roles)
    if sum(split_off(request, roles).values()) > _MOST_SPLIT_OFF:
        raise FractionsTooLarge(sum(split_off(request, roles).values()))
    fields = {name: getattr(request, name) for name in TransferRequest.__dataclass_fields__}
    return fields | {"language": language, "parameters": parameters}


def check_languages(target: str, languages: dict[Role, str]) -> None:
    """Check that rows to learn and to test on are of the target language, whatever its region.

    `languages` are those that the datasets are registered under. Raises `LanguageDiffers`.
    """
    for role in set(Role) - set(SOURCE_ROLES):
        language = languages.get(role, target)
        if language.split("-")[0] != target.split("-")[0]:
            raise LanguageDiffers(role, language, target)


def _check_parameters(method: MethodSpec, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return method.parameters.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        errors = explain_fields(error.errors(), method.parameters)
        raise ParametersInvalid(method.name, errors) from None


def _check_roles(method: MethodSpec, roles: set[Role]) -> None:
    missing = sorted(method.required_roles - roles)
    unknown = sorted(roles - method.roles - {Role.TEST, Role.SOURCE_TEST})
    if missing or unknown:
        raise RolesInvalid(method.name, missing, unknown)
    if method.one_of and not method.one_of & roles:
        raise NoRoleOf(method.name, sorted(method.one_of))


def split_off(request: TransferRequest, roles: set[Role]) -> dict[Role, float]:
    """The fraction of the training rows for each role that has no dataset of its own."""
    if Role.TRAIN not in roles:
        return {}
    fractions = {
        Role.TEST: request.test_fraction,
        Role.VALIDATION: request.validation_fraction,
    }
    return {role: part for role, part in fractions.items() if part and role not in roles}
