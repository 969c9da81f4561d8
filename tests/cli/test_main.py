"""Errors as the command line prints them."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from app.cli.main import ErrorReportingGroup, app
from app.client.problem import BabelportProblem
from app.domain.errors.service import PortTaken


def _app_that_raises(error: Exception) -> typer.Typer:
    commands = typer.Typer(cls=ErrorReportingGroup)

    @commands.command()
    def fail() -> None:
        raise error

    @commands.command()
    def other() -> None: ...

    return commands


@pytest.mark.parametrize(
    "error",
    [
        PortTaken("127.0.0.1", 8000),
        BabelportProblem(409, "conflict", "The model is in use.", "Cancel the transfer first."),
    ],
)
def test_our_own_errors_are_a_message_and_an_advice(error: PortTaken | BabelportProblem) -> None:
    answer = CliRunner().invoke(_app_that_raises(error), ["fail"])

    shown = " ".join(answer.output.split())
    assert answer.exit_code == 1
    assert "Error:" in shown
    assert error.advice in shown
    assert "Traceback" not in shown


def test_a_bug_keeps_its_traceback() -> None:
    answer = CliRunner().invoke(_app_that_raises(ZeroDivisionError()), ["fail"])

    assert isinstance(answer.exception, ZeroDivisionError)


def test_help_of_up_names_the_settings_of_address_and_folder() -> None:
    shown = CliRunner().invoke(app, ["up", "--help"]).output
    for name in ("BABELPORT_HOST", "BABELPORT_PORT", "BABELPORT_DATA_DIR"):
        assert name in shown


def test_help_names_every_command() -> None:
    answer = CliRunner().invoke(app, ["--help"])

    for command in ("up", "demo", "api", "worker", "migrate", "starter", "convert"):
        assert f" {command} " in answer.output
