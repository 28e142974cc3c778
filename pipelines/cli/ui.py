"""Command `bojagi ui`: serves Dagster's UI on this machine; it also shows the runs of `bojagi run`."""

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Engine, settings_for

if TYPE_CHECKING:
    from installation.settings import Settings

LOOPBACK = "127.0.0.1"


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 3000,
    engine: Engine = None,
    data: Data = None,
) -> None:
    """Serve Dagster's UI: the graph of tables, runs, checks, plots; start a refresh from there.

    Also runs Dagster's daemon, which starts a refresh when new files arrive in the landing folder, and every night.
    The UI is reachable from this machine only. Ctrl-C or SIGTERM stops it and every process that it has started.

    [bold]Examples[/bold]

      bojagi ui
      bojagi ui --port 3001 --data /tmp/trial
    """
    from installation.contract.document import load_contracts
    from pipelines.orchestration.code_location import MODULE
    from pipelines.orchestration.home import prepare_home
    from pipelines.orchestration.process_group import run_group

    settings = settings_for(data, engine=engine)
    load_contracts(settings.contract_dirs)  # reports a faulty contract here and not in the log of the UI
    home = prepare_home(settings)
    if is_taken(port):
        print_error(f"Port {port} is in use. Stop the program that listens on it, or choose another port with --port.")
        raise typer.Exit(ExitCode.USAGE)
    typer.echo(f"Dagster's UI: http://{LOOPBACK}:{port} (Ctrl-C stops it)")
    sys.stdout.flush()
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-m", MODULE]
    options = ["--host", LOOPBACK, "--port", str(port), "--log-level", "error"]
    ending = run_group([*command, *options], environment(settings, str(home)))
    if ending.stopped_by is not None:
        name = "Ctrl-C" if ending.stopped_by is signal.SIGINT else ending.stopped_by.name
        typer.echo(f"Stopped by {name}.", err=True)
        raise typer.Exit(128 + ending.stopped_by)
    print_error(f"Dagster's UI stopped with exit code {ending.exit_code}; see its output above.")
    raise typer.Exit(ExitCode.ENVIRONMENT)


def environment(settings: "Settings", home: str) -> dict[str, str]:
    """Return the environment in which Dagster's processes use the same settings and the same record of runs."""
    added = {
        "DAGSTER_HOME": home,
        "BOJAGI_DATA_DIR": str(settings.data_dir),
        "BOJAGI_LANDING_DIR": str(settings.landing_dir),
        "BOJAGI_LAKEHOUSE_ROOT": settings.lakehouse_root,
        "BOJAGI_ENGINE": settings.engine,
    }
    return os.environ | added


def is_taken(port: int) -> bool:
    """Return whether a program listens on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
