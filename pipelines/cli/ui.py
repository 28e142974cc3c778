"""Commands `bojagi ui` and `bojagi daemon`: Dagster's UI, which also shows the runs of `bojagi run`, and its daemon."""

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
    from collections.abc import Sequence

    from installation.settings import Settings

LOOPBACK = "127.0.0.1"
SIGN_OF_LIFE_SECONDS = 90.0
"""Each part of the daemon writes its sign of life every 30 seconds."""
RUN_START_SECONDS = "600"
"""How long Dagster waits for the process of a run, which imports our packages. Its 60 s fail on a busy machine."""


def ui(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 3000,
    daemon: Annotated[
        bool, typer.Option("--daemon/--no-daemon", help="Also run Dagster's daemon, or leave it to `bojagi daemon`.")
    ] = True,
    path_prefix: Annotated[
        str, typer.Option("--path-prefix", help="Path before every page, for a proxy; needs --no-daemon.")
    ] = "",
    engine: Engine = None,
    data: Data = None,
) -> None:
    """Serve Dagster's UI: the graph of tables, runs, checks, plots; start a refresh from there.

    Also runs Dagster's daemon, which starts a refresh when new files arrive in the landing folder, and every night.
    The UI is reachable from this machine only; `bojagi docs operate/login` says how to put it behind a login. Ctrl-C or
    SIGTERM stops it and every process that it has started.

    [bold]Examples[/bold]

      bojagi ui
      bojagi ui --port 3001 --data /tmp/trial
      bojagi ui --no-daemon --path-prefix /dagster    [dim]# behind a proxy, with `bojagi daemon` beside it[/dim]
    """
    if daemon and path_prefix:
        raise typer.BadParameter("needs --no-daemon", param_hint="--path-prefix")
    settings = settings_for(data, engine=engine)
    if is_taken(port):
        print_error(f"Port {port} is in use. Stop the program that listens on it, or choose another port with --port.")
        raise typer.Exit(ExitCode.USAGE)
    typer.echo(f"Dagster's UI: http://{LOOPBACK}:{port}{path_prefix} (Ctrl-C stops it)")
    place = ["--host", LOOPBACK, "--port", str(port), "--log-level", "error"]
    if daemon:
        _run("Dagster's UI", ["dagster", "dev", *place], settings)
    else:
        _run("Dagster's UI", ["dagster_webserver", *place, "--path-prefix", path_prefix], settings)


def run_daemon(
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the daemon of this installation works, and end.")
    ] = False,
    engine: Engine = None,
    data: Data = None,
) -> None:
    """Run Dagster's daemon: it starts the runs of schedules and sensors, and those that were started in the UI.

    The runs work in processes of this command. Run it once an installation, beside `bojagi ui --no-daemon`.

    [bold]Examples[/bold]

      bojagi daemon
      bojagi daemon --check    [dim]# exit code 3 if no daemon has shown a sign of life for 90 seconds[/dim]
    """
    settings = settings_for(data, engine=engine)
    if check:
        _check_daemon(settings)
    else:
        typer.echo("Dagster's daemon runs (Ctrl-C stops it)")
        _run("Dagster's daemon", ["dagster._daemon", "run", "--log-level", "warning"], settings)


def _check_daemon(settings: "Settings") -> None:
    """Print the state of the daemon; exit with an error if one of its parts shows no sign of life."""
    # Private: Dagster's own check, which takes its instance from a variable.
    from dagster._daemon.controller import all_daemons_live

    from pipelines.orchestration.instance import open_instance

    with open_instance(settings) as instance:
        if not all_daemons_live(instance, heartbeat_tolerance_seconds=SIGN_OF_LIFE_SECONDS):
            print_error("Dagster's daemon does not work. Start it with `bojagi daemon`, or read its output.")
            raise typer.Exit(ExitCode.ENVIRONMENT)
    typer.echo("Dagster's daemon works.")


def _run(what: str, command: "Sequence[str]", settings: "Settings") -> None:
    """Run a program of Dagster on our definitions until it or this process is stopped."""
    from installation.contract.document import load_contracts
    from pipelines.orchestration.code_location import MODULE, SOURCE_FOLDER
    from pipelines.orchestration.home import prepare_home
    from pipelines.orchestration.process_group import run_group

    load_contracts(settings.contract_dirs)  # reports a faulty contract here and not in the log of the program
    home = prepare_home(settings)
    sys.stdout.flush()
    started = [sys.executable, "-W", "ignore", "-m", *command, "-m", MODULE, "-d", str(SOURCE_FOLDER)]
    if settings.log.format == "json":
        started += ["--log-format", "json"]
    ending = run_group(started, environment(settings, str(home)))
    if ending.stopped_by is not None:
        name = "Ctrl-C" if ending.stopped_by is signal.SIGINT else ending.stopped_by.name
        typer.echo(f"Stopped by {name}.", err=True)
        raise typer.Exit(128 + ending.stopped_by)
    print_error(f"{what} stopped with exit code {ending.exit_code}; see its output above.")
    raise typer.Exit(ExitCode.ENVIRONMENT)


def environment(settings: "Settings", home: str) -> dict[str, str]:
    """Return the environment in which Dagster's processes use the same settings, code and record of runs."""
    from pipelines.orchestration.code_location import import_environment

    added = {
        "DAGSTER_HOME": home,
        "BOJAGI_DATA_DIR": str(settings.data_dir),
        "BOJAGI_LANDING_DIR": str(settings.landing_dir),
        "BOJAGI_LAKEHOUSE_ROOT": settings.lakehouse_root,
        "BOJAGI_ENGINE": settings.engine,
    }
    return {"DAGSTER_GRPC_TIMEOUT_SECONDS": RUN_START_SECONDS} | os.environ | added | import_environment()


def is_taken(port: int) -> bool:
    """Return whether a program listens on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
