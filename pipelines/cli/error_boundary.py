"""Prints errors of Bojagi as one line and sets the exit code of the process. Other errors print a traceback."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from installation.disk_fault import is_disk_full
from installation.errors import InstallationError
from pipelines.cli.exit_code import ExitCode, is_denied, of_error
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
            raise typer.Exit(ExitCode.ENVIRONMENT if is_disk_full(error) else of_error(type(error))) from error
        except Exception as error:
            if is_denied(error):
                place = getattr(error, "filename", None) or "The disk"
                print_error(f"{place}: {getattr(error, 'strerror', error)}. Allow access, or choose another folder.")
            elif is_disk_full(error):
                place = getattr(error, "filename", None) or "this folder"
                print_error(
                    f"No space is left on the disk of {place}. Free space there, or choose another folder; then run "
                    "the command again. What is finished is kept."
                )
            else:
                raise
            raise typer.Exit(ExitCode.ENVIRONMENT) from error
        except KeyboardInterrupt as interrupt:
            print_error("Stopped by Ctrl-C. What is finished is kept; run the command again to continue.")
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def print_error(message: str) -> None:
    """Print an error message on standard error, in colour on a terminal."""
    mark = "\033[1;31merror:\033[0m" if sys.stderr.isatty() else "error:"
    print(f"{mark} {message}", file=sys.stderr)
