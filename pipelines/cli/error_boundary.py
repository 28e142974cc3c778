"""Prints errors of Bojagi as one line and sets the exit code of the process. Other errors print a traceback."""

import logging
import sys
import time
from typing import Any

import typer
from typer.core import TyperGroup

from agent_serving.errors import ServingError
from features.errors import FeatureError
from federated.errors import FederatedError
from installation.disk_fault import is_disk_full
from installation.errors import InstallationError
from installation.event_log import log_event
from pipelines.cli.exit_code import ExitCode, is_denied, of_error
from pipelines.errors import DiskError, PipelineError
from privacy.errors import PrivacyError

_LOGGED = "bojagi.is_logged"
_DISK = ExitCode.ENVIRONMENT


class ErrorBoundary(TyperGroup):
    """A command group that ends the process with the exit code of the error that its command raised."""

    def invoke(self, ctx: Any) -> Any:
        """Invoke the command. Print our own errors and disk errors as one line and exit with their code."""
        started = time.perf_counter()
        try:
            result = super().invoke(ctx)
        except (typer.Exit, typer.Abort) as ending:  # the group of an inner command has printed its error already
            _log_end(ctx, started, getattr(ending, "exit_code", 1), None)
            raise
        except Exception as error:
            found = _explain(error)
            if found is None:
                _log_end(ctx, started, getattr(error, "exit_code", 1), error)
                raise
            message, code = found
            print_error(message)
            _log_end(ctx, started, code, error)
            raise typer.Exit(code) from error
        except KeyboardInterrupt as interrupt:
            again = str(interrupt) or "run the command again"
            print_error(f"Stopped by Ctrl-C. What is finished is kept; {again} to continue.")
            _log_end(ctx, started, ExitCode.INTERRUPTED, None)
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
        _log_end(ctx, started, ExitCode.OK, None)
        return result


def _log_end(ctx: Any, started: float, code: int, error: Exception | None) -> None:
    """Log the end of the command once: the group that is nearest to it comes first. Arguments may be personal."""
    if ctx.meta.setdefault(_LOGGED, False):
        return
    ctx.meta[_LOGGED] = True
    name = f"{ctx.command_path} {ctx.invoked_subcommand or ''}".strip().removeprefix("bojagi ")
    log_event(
        "command_ended", source="bojagi.command", command=name, exit_code=int(code),
        seconds=round(time.perf_counter() - started, 3), error=type(error).__name__ if error else None,
        level=logging.INFO if code == ExitCode.OK else logging.ERROR,
    )  # fmt: skip


def _explain(error: Exception) -> tuple[str, ExitCode] | None:
    """Return the line and the exit code of one of our errors or of a disk error; None for a fault of the code."""
    if isinstance(error, DiskError):
        return str(error), ExitCode.ENVIRONMENT
    if is_disk_full(error):
        reason = " ".join(str(error).split("\n")[0].split(". ")[0].split())[:200].rstrip(".")
        return f"The disk is full: {reason}. Free space, then run the command again. What is finished is kept.", _DISK
    if isinstance(
        error, FeatureError | FederatedError | InstallationError | PipelineError | PrivacyError | ServingError
    ):
        return str(error), of_error(type(error))
    if is_denied(error):
        place = getattr(error, "filename", None) or "The disk"
        return f"{place}: {getattr(error, 'strerror', error)}. Allow access, or choose another folder.", _DISK
    return None


def print_error(message: str) -> None:
    """Print an error message on standard error, in colour on a terminal."""
    mark = "\033[1;31merror:\033[0m" if sys.stderr.isatty() else "error:"
    print(f"{mark} {message}", file=sys.stderr)
