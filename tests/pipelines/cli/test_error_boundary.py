"""Errors of commands, also of nested groups: one line and the exit code of the error."""

import errno
import sqlite3

import pytest
import typer
from typer.testing import CliRunner, Result

from installation.errors import LakehouseError, SettingsError
from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.exit_code import ExitCode
from pipelines.errors import IngestError


def chained(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


FULL = OSError(errno.ENOSPC, "No space left on device", "/data/x")
CASES = [
    (SettingsError("The key x is unknown."), ExitCode.USAGE, "The key x is unknown."),
    (LakehouseError("No table."), ExitCode.FAILED, "No table."),
    (PermissionError(errno.EACCES, "Permission denied", "/data/x"), ExitCode.ENVIRONMENT, "/data/x: Permission denied"),
    (FULL, ExitCode.ENVIRONMENT, "The disk is full"),
    (chained(IngestError("Loading x failed.", "x"), FULL), ExitCode.ENVIRONMENT, "The disk is full: Loading x failed"),
    (sqlite3.OperationalError("database or disk is full"), ExitCode.ENVIRONMENT, "The disk is full"),
    (LakehouseError("Writing x: No space left on device (os error 28)"), ExitCode.ENVIRONMENT, "The disk is full"),
]


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(("error", "code", "start"), CASES)
def test_an_error_is_one_line_with_its_exit_code(error: Exception, code: ExitCode, start: str, depth: int) -> None:
    result = run(error, depth)
    assert result.exit_code == code
    assert result.stderr.startswith(f"error: {start}")
    assert result.stderr.count("\n") == 1


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    result = run(FileNotFoundError(errno.ENOENT, "a mistake of ours"), 1)
    assert isinstance(result.exception, FileNotFoundError)


def run(error: Exception, depth: int) -> Result:
    """Run a command that raises the error, in a group or in a group of a group."""

    def fail() -> None:
        raise error

    inner = typer.Typer(cls=ErrorBoundary)
    inner.command("fail")(fail)
    inner.command("other")(lambda: None)
    if depth == 1:
        return CliRunner().invoke(inner, ["fail"])
    outer = typer.Typer(cls=ErrorBoundary)
    outer.add_typer(inner, name="inner")
    return CliRunner().invoke(outer, ["inner", "fail"])
