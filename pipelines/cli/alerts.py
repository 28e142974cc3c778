"""Commands `bojagi alerts`: what an operator must look at, and whether the channels work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.operation.alert import Alert

app = typer.Typer(
    cls=ErrorBoundary,
    help="Alerts about failed runs, late data, broken checks and full disks; the settings are in \\[alerts].",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command("list")
def list_command(as_json: Json = False, data: Data = None) -> None:
    """List the alerts that hold now. Sends nothing."""
    from pipelines.operation.alert import find_alerts
    from pipelines.orchestration.watch import observe

    with installation_for(data) as installation:
        alerts = find_alerts(observe(installation), installation.settings.alerts)
    _print(alerts, as_json)


@app.command()
def send(as_json: Json = False, data: Data = None) -> None:
    """Look once: send the messages that are due, and write the metrics. Dagster's daemon does it every minute.

    For a timer of the system where no daemon runs. Exit code 3: a channel did not take its message; it is due again.
    """
    from pipelines.orchestration.watch import look

    with installation_for(data) as installation:
        found = look(installation)
    _print(found.alerts, as_json)
    if found.failed_channels:
        print_error(f"Not reached: {', '.join(found.failed_channels)}. The message is due again; see the log.")
        raise typer.Exit(ExitCode.ENVIRONMENT)


@app.command("test")
def try_channels(data: Data = None) -> None:
    """Send a message without alerts over every channel, and say which took it."""
    from installation.errors import InstallationError
    from pipelines.errors import PipelineError
    from pipelines.operation.alert_book import Message
    from pipelines.operation.channel import channels_of
    from privacy.clock import utc_now

    with installation_for(data) as installation:
        channels = channels_of(installation.settings.alerts)
    if not channels:
        raise typer.BadParameter("no channel is set; set one in [alerts], such as file, webhooks or mail")
    failed, now = False, utc_now()
    for name, channel in channels.items():
        try:
            channel.send(Message(id=f"msg_test_{now:%Y%m%d%H%M%S}", channel=name, firing=(), resolved=()), now)
            print(f"{name}: sent")
        except (InstallationError, PipelineError, OSError) as error:
            failed = True
            print_error(
                f"{name}: {error if isinstance(error, InstallationError | PipelineError) else type(error).__name__}"
            )
    if failed:
        raise typer.Exit(ExitCode.ENVIRONMENT)


def metrics(data: Data = None) -> None:
    """Print the metrics of tables, runs, budgets and consents in Prometheus' text format.

    Dagster's daemon writes them every minute into metric/bojagi.prom of the data folder, for the textfile collector of
    the node exporter. The metrics of requests are at /metrics of `bojagi serve`.
    """
    from pipelines.operation.metric import metrics_text
    from pipelines.orchestration.watch import observe

    with installation_for(data) as installation:
        print(metrics_text(observe(installation)).decode(), end="")


def _print(alerts: Sequence[Alert], as_json: bool) -> None:
    if as_json:
        rows = [{"kind": a.kind, "about": a.about, "summary": a.summary, "runbook": a.runbook} for a in alerts]
        print(json.dumps(rows, indent=1))
        return
    for alert in alerts:
        print(f"{alert.kind} {alert.about}\n  {alert.summary}\n  What to do: {alert.runbook}")
    if not alerts:
        print("No alert.")
