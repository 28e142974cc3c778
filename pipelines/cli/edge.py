"""The edge of the process: our own errors become one line and an exit code; others stay a traceback."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from installation.errors import InstallationError
from pipelines.cli.exit_code import ExitCode, is_disk_fault, of_error
from pipelines.errors import PipelineError
from privacy.errors import PrivacyError


class Edge(TyperGroup):
    """A command group that ends in the exit code of the error that a command raised on purpose."""

    def invoke(self, ctx: Any) -> Any:
        """Invoke the command; report our own errors and a disk that cannot be written."""
        try:
            return super().invoke(ctx)
        except (InstallationError, PipelineError, PrivacyError) as error:
            complain(str(error))
            raise typer.Exit(of_error(type(error))) from error
        except OSError as error:
            if not is_disk_fault(error):
                raise
            complain(f"{error.filename or 'The disk'}: {error.strerror}. Free it or choose another --data.")
            raise typer.Exit(ExitCode.ENVIRONMENT) from error
        except KeyboardInterrupt as interrupt:
            complain("Stopped. Finished tables are kept; `bojagi run` continues.")
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def complain(message: str) -> None:
    """Print what went wrong on standard error, marked where the terminal has colours."""
    mark = "\033[1;31merror:\033[0m" if sys.stderr.isatty() else "error:"
    print(f"{mark} {message}", file=sys.stderr)
