"""Prints errors of Bojagi as one line and sets the exit code of the process. Other errors print a traceback."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from installation.errors import InstallationError
from pipelines.cli.exit_code import ExitCode, is_disk_fault, of_error
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError


class ErrorBoundary(TyperGroup):
    """A command group that ends the process with the exit code of the error that its command raised."""

    def invoke(self, ctx: Any) -> Any:
        """Invoke the command. Print our own errors and disk errors as one line and exit with their code."""
        try:
            return super().invoke(ctx)
        except (InstallationError, PipelineError, PrivacyError) as error:
            print_error(str(error))
            raise typer.Exit(of_error(type(error))) from error
        except OSError as error:
            if not is_disk_fault(error):
                raise
            place = error.filename or "The disk"
            print_error(f"{place}: {error.strerror}. Free disk space or allow writing there, or choose another --data.")
            raise typer.Exit(ExitCode.ENVIRONMENT) from error
        except KeyboardInterrupt as interrupt:
            print_error("Stopped by Ctrl-C. What is finished is kept; run the command again to continue.")
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def print_error(message: str) -> None:
    """Print an error message on standard error, in colour on a terminal."""
    mark = "\033[1;31merror:\033[0m" if sys.stderr.isatty() else "error:"
    print(f"{mark} {message}", file=sys.stderr)
