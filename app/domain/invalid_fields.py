"""What is wrong with the fields of a request, and what to send instead, in sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

DESCRIBED = "Compare the request with the API's description at /docs."
# What a missing field holds, where its name alone does not say so.
_MISSING = {
    "language": "a BCP-47 tag such as `de` (in a form `-F language=de`)",
    "datasets": 'ids of datasets by role, such as {"train": "dst_..."}',
    "model": "an id, a name, name@version or name@alias",
}
# Fields by the names that people guess.
_GUESSED = {
    "text": ("input", "inputs"),
    "texts": ("inputs",),
    "instances": ("inputs",),
    "params": ("parameters",),
}
_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]"
_SHOWN = 100

_Said = tuple[str, str]


def explain_fields(
    errors: Iterable[Mapping[str, Any]], schema: type[BaseModel] | None = None
) -> list[dict[str, str]]:
    """For each of pydantic's `errors` its `field`, a `message` and an `advice`.

    `schema` is what the request was read by; with it the advice names the fields that there are.
    """
    found = list(errors)
    kept = [error for error in found if not _is_object_for_text(error)] or found
    return [
        {"field": ".".join(map(str, error["loc"])), "message": message, "advice": advice}
        for error in kept
        for message, advice in [_explain(error, schema)]
    ]


def _is_object_for_text(error: Mapping[str, Any]) -> bool:
    """Of a field that is an object or a text: the object's own errors say what is wrong with it."""
    object_given = isinstance(error.get("input"), dict)
    return object_given and error["type"] == "string_type" and error["loc"][-1] == "str"


def _explain(error: Mapping[str, Any], schema: type[BaseModel] | None) -> _Said:
    name = _name(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown(name, _known_fields(schema, error["loc"][:-1]))
    if error["type"] in _SENTENCES and (said := _SENTENCES[error["type"]](name, error)):
        return said
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return (f"`{name}`: {message}." if name else f"{message}."), DESCRIBED


def _unknown(name: str, known: list[str]) -> _Said:
    own = name.rpartition(".")[2]
    meant = [field for field in _GUESSED.get(own, ()) if field in known]
    meant = meant or get_close_matches(own, known, 1)
    advice = f"Send {' or '.join(f'`{field}`' for field in meant)} instead. " if meant else ""
    fields = f"The fields are: {', '.join(known)}." if known else DESCRIBED
    return f"`{name}` is not a known field.", advice + fields


def _missing(name: str, error: Mapping[str, Any]) -> _Said:
    if not name:
        return "The request has no body.", _AS_JSON
    what = _MISSING.get(name)
    return f"`{name}` is missing.", f"Add `{name}`: {what}." if what else f"Add `{name}`."


def _no_choice(name: str, error: Mapping[str, Any]) -> _Said:
    sent = str(error["input"])
    choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    close = get_close_matches(sent, choices, 1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    if error["loc"][-1] == "[key]":
        name = name.rpartition(".")[0]
    message = f"`{sent[:_SHOWN]}` is none of the choices of `{name}`."
    return message, f"{hint}Send one of: {', '.join(choices) or error['ctx']['expected']}."


def _no_list(name: str, error: Mapping[str, Any]) -> _Said:
    single = ", or one input as `input`" if name == "inputs" else ""
    return f"`{name}` must be a list.", f'Send a list, such as `["a text"]`{single}.'


def _no_pattern(name: str, error: Mapping[str, Any]) -> _Said | None:
    if not str(error["ctx"]["pattern"]).startswith(_NAME_PATTERN):
        return None
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", str(error["input"])).strip("-._")[:_SHOWN]
    return (
        f"`{name}` may hold letters from A to Z, digits, dots, hyphens and underscores, 100 at "
        "most, and no spaces.",
        f"Send another name, such as `{plain or 'intents'}`.",
    )


def _no_json(name: str, error: Mapping[str, Any]) -> _Said:
    reason = error.get("ctx", {}).get("error", "it cannot be read")
    return (
        f"The JSON of the request is not valid: {reason}.",
        "Write names and texts in double quotes; in a shell put single quotes around all of it.",
    )


def _no_object(name: str, error: Mapping[str, Any]) -> _Said:
    if name:
        return f"`{name}` must be an object.", f'Send {{"{name.rpartition(".")[2]}": {{...}}}}.'
    return "The body must be a JSON object.", _AS_JSON


_AS_JSON = "Send a JSON object, with the header `content-type: application/json`."
_SENTENCES: dict[str, Callable[[str, Mapping[str, Any]], _Said | None]] = {
    "missing": _missing,
    "enum": _no_choice,
    "literal_error": _no_choice,
    "list_type": _no_list,
    "string_pattern_mismatch": _no_pattern,
    "json_invalid": _no_json,
    "model_type": _no_object,
    "model_attributes_type": _no_object,
    "dict_type": _no_object,
}


def _name(path: tuple[Any, ...]) -> str:
    """A field as its sender calls it: without the side of a union, or the part of the request."""
    parts = [str(part) for part in path]
    if parts and parts[0] in ("body", "query", "path", "header"):
        parts = parts[1:]
    # The class of fields is a side of a union.
    sides = [part for part in parts[:-1] if part.endswith("Fields")]
    return ".".join(part for part in parts if part not in ("[key]", "str", *sides))


def _known_fields(schema: type[BaseModel] | None, path: tuple[Any, ...]) -> list[str]:
    """The fields of the object at `path`."""
    models = [schema] if schema is not None else []
    for part in path:
        having = [model for model in models if part in model.model_fields]
        if having:
            models = [
                inner
                for model in having
                for inner in _models_in(model.model_fields[part].annotation)
            ]
        else:
            models = [model for model in models if model.__name__ == part] or models
    return sorted({field for model in models for field in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
