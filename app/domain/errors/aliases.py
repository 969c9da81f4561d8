"""Errors about aliases of models."""

from __future__ import annotations

from app.domain.errors import Conflict, InvalidInput, NotFound, PreconditionFailed


class AliasNotFound(NotFound):
    """The name has no such alias."""

    code = "alias-not-found"

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(
            f"The name {name!r} has no alias {alias!r}.",
            f"GET /v1/models/{name}/aliases lists those that it has; a PUT makes one.",
            name=name,
            alias=alias,
        )


class AliasOfAnotherName(InvalidInput):
    """An alias of one name cannot point to a model of another."""

    code = "alias-of-another-name"

    def __init__(self, name: str, model: str) -> None:
        super().__init__(
            f"{model} is no version of {name!r}.",
            f"Name a version of {name!r}; only a canary and a shadow may have another name.",
            name=name,
            model=model,
        )


class ModelsNotAlike(InvalidInput):
    """A canary or a shadow answers something else than the model that it stands beside."""

    code = "models-not-alike"

    def __init__(self, role: str, model: str, beside: str, difference: str) -> None:
        super().__init__(
            f"The {role} {model} cannot stand beside {beside}: {difference}.",
            "Name a ready model of the same task with the same labels, in any order.",
            role=role,
            model=model,
            beside=beside,
        )


class AliasChanged(PreconditionFailed):
    """An alias is not what the header If-Match names; `revision` None: there is none."""

    code = "alias-changed"

    def __init__(self, name: str, alias: str, revision: int | None) -> None:
        found = "is not there" if revision is None else f"is at revision {revision}"
        super().__init__(
            f"The alias {name}@{alias} {found}, which If-Match does not name.",
            f"Read it again at /v1/models/{name}/aliases/{alias}, and send its new ETag.",
            name=name,
            alias=alias,
            revision=revision,
        )


class AliasInputsGone(Conflict):
    """A model was deleted while an alias was being pointed to it."""

    code = "alias-inputs-gone"

    def __init__(self, ids: list[str]) -> None:
        super().__init__(
            f"The alias needs what is not here (any more): {', '.join(ids)}.",
            "Point it to another model.",
            ids=ids,
        )


class NeededByAlias(Conflict):
    """A model cannot be deleted while an alias points to it."""

    code = "needed-by-alias"

    def __init__(self, id: str, aliases: list[str]) -> None:
        super().__init__(
            f"{id} is the model, the canary or the shadow of {', '.join(aliases)}.",
            "Point the alias to another model, or remove it, and delete the model then.",
            id=id,
            aliases=aliases,
        )
