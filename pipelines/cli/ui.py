"""`bojagi ui`: Dagster's UI on this machine, with the runs of `bojagi run` in it."""

import os
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

    Also runs Dagster's daemon, so that new files in the landing folder and the nightly schedule start a
    refresh. It listens on this machine only; Ctrl-C stops it.

    [bold]Examples[/bold]

      bojagi ui
      bojagi ui --port 3001 --data /tmp/trial
    """
    from installation.contract.document import load_contracts
    from pipelines.orchestration.home import prepare_home

    settings = settings_for(data, engine=engine)
    load_contracts(settings.contract_dirs)  # a faulty contract is told here, not in the UI's log
    home = prepare_home(settings)
    if is_taken(port):
        print_error(f"Port {port} is in use: stop what listens there, or choose another with --port.")
        raise typer.Exit(ExitCode.USAGE)
    typer.echo(f"Dagster's UI: http://{LOOPBACK}:{port} (Ctrl-C stops it)")
    sys.stdout.flush()
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-m", "pipelines.definitions"]
    place = ["--host", LOOPBACK, "--port", str(port), "--log-level", "error"]
    # In place of this process, so that whoever stops it stops Dagster.
    os.execve(sys.executable, [*command, *place], environment(settings, str(home)))


def environment(settings: "Settings", home: str) -> dict[str, str]:
    """Return the environment in which Dagster's processes find the same settings and record of runs."""
    told = {
        "DAGSTER_HOME": home,
        "BOJAGI_DATA_DIR": str(settings.data_dir),
        "BOJAGI_LANDING_DIR": str(settings.landing_dir),
        "BOJAGI_LAKEHOUSE_ROOT": settings.lakehouse_root,
        "BOJAGI_ENGINE": settings.engine,
    }
    return os.environ | told


def is_taken(port: int) -> bool:
    """Say whether something listens on the port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
