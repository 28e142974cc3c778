"""`bojagi ui`: Dagster's UI on this machine, with the runs of `bojagi run` in it."""

import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.edge import complain
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Engine, settings_for

if TYPE_CHECKING:
    from pipelines.config import Settings

LOOPBACK = "127.0.0.1"


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 3000,
    engine: Engine = None,
    data: Data = None,
) -> None:
    """Serve Dagster's UI: the graph of tables, runs, checks, plots; start a refresh from there.

    Also runs the daemon, so that new files in the landing folder and the nightly schedule start a refresh. It
    listens on this machine only; Ctrl-C stops it.

    [bold]Examples[/bold]

      bojagi ui
      bojagi ui --port 3001 --data /tmp/trial
    """
    from pipelines.defs.refresh import prepare_home
    from pipelines.contracts.document import load_contracts

    settings = settings_for(data, engine=engine)
    load_contracts(settings.contract_dirs)  # a faulty contract is told here, not in the UI's log
    home = prepare_home(settings)
    if _is_taken(port):
        complain(f"Port {port} is in use: stop what listens there, or choose another with --port.")
        raise typer.Exit(ExitCode.USAGE)
    typer.echo(f"Dagster's UI: http://{LOOPBACK}:{port} (Ctrl-C stops it)")
    command = [sys.executable, "-m", "dagster", "dev", "-m", "pipelines.definitions"]
    finished = subprocess.run(
        [*command, "--host", LOOPBACK, "--port", str(port), "--log-level", "warning"],
        env=environment(settings, str(home)),
        check=False,
    )
    raise typer.Exit(finished.returncode)
