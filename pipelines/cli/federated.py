"""Commands `bojagi federated`: train declared models over sites, show their state, evaluate them."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import partner_match
from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from federated.server import RoundRecord
    from pipelines.federated.service import ModelStatus

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A declared model, as `bojagi federated status` lists it.")]

app = typer.Typer(
    cls=ErrorBoundary,
    help="Train a model over several sites. Only sums leave a site, and no customer is moved.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(partner_match.app, name="intersect")


@app.command()
def run(
    model: Model,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run that has not ended, from its last complete round.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Train MODEL over the sites of this installation, in this process.

    A model is declared in pipelines/release/declared/ with kind: model. It names the features, the outcome, the sites
    and the purpose. Each round, every site reads the customers who permit the purpose at that moment. The sites send
    masked sums, so that no site's own values are seen. To train with other companies, see docs/federated.md.

    [bold]Examples[/bold]

      bojagi federated status
      bojagi federated run next_purchase
      bojagi federated run next_purchase --resume
    """
    from pipelines.federated.service import FederatedService

    def show(record: RoundRecord) -> None:
        if as_json:
            return
        typer.echo(f"round {record.round + 1}: sum of {len(record.sites)} sites in {record.seconds:.2f} s", err=True)
        for site, reason in record.left_out.items():
            typer.echo(f"  left out {site}: {reason}", err=True)

    with installation_for(data) as installation:
        try:
            found = FederatedService(installation, getuser()).run(model, resume=resume, progress=show)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(f"bojagi federated run {model} --resume") from interrupt
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str))
        return
    _print_status(found)
    typer.echo(f"Next: bojagi federated evaluate {model}")


@app.command()
def status(
    model: Annotated[str | None, typer.Argument(help="Only this model.", show_default="all declared models")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the declared models: run, rounds, sites, and the privacy cost so far."""
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.federated.service import FederatedService

    with installation_for(data) as installation:
        service = FederatedService(installation, getuser())
        found = service.statuses() if model is None else [service.status(model)]
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    if model is not None:
        _print_status(found[0])
        return
    table = make_grid("model", "state", "rounds", "sites", "predicts", numbers=("rounds", "sites"))
    for one in found:
        table.add_row(one.name, one.state, f"{one.rounds} of {one.rounds_max}", str(len(one.sites)), one.title)
    open_console().print(table)


@app.command()
def evaluate(
    model: Model,
    site: Annotated[
        str | None,
        typer.Option("--site", help="Take this installation as one site of that name.", show_default="declared sites"),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Measure what MODEL is worth to each site: the federated model beside the one that a site trains alone.

    The figures are of customers that no round trained on. Sites that are worse off are named. The report lies beside
    the model as report.html and report.json.
    """
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.federated.report_page import summary_lines
    from pipelines.federated.run_folder import RunFolder
    from pipelines.federated.service import FederatedService

    with installation_for(data) as installation:
        found = FederatedService(installation, getuser()).evaluate(model, site)
        page = RunFolder.of(installation, model).report.with_suffix(".html")
    if as_json:
        typer.echo(found.to_json())
        return
    for line in summary_lines(found):
        typer.echo(line)
    metric = found.worth.metric
    table = make_grid("site", "training rows", "federated", "with offset", "local", numbers=("training rows",))
    for one in found.worth.sites:
        values = (one.metrics.get(name, {}).get(metric) for name in ("federated", "local_offset", "local"))
        table.add_row(one.site, f"{one.train_rows:,}", *("-" if value is None else f"{value:.4f}" for value in values))
    open_console().print(table)
    typer.echo(f"Report: {page}")


@app.command()
def adopt(
    model: Model,
    file: Annotated[Path, typer.Argument(help="The checkpoint of the ended run.", exists=True, dir_okay=False)],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Store a model that was trained with other companies. It must have been trained on the declared table.

    [bold]Example[/bold]

      bojagi federated adopt next_purchase run.zip
      bojagi federated evaluate next_purchase --site capital
    """
    from pipelines.federated.service import FederatedService

    with installation_for(data) as installation:
        found = FederatedService(installation, getuser()).adopt(model, file)
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str))
        return
    _print_status(found)


@app.command()
def plan(
    model: Model,
    sites: Annotated[int, typer.Option("--sites", min=1, help="How many sites there are.")],
    output: Annotated[Path, typer.Option("--output", help="File of the plan (JSON).", dir_okay=False)],
    data: Data = None,
) -> None:
    """Write the plan of a run with other companies, for the server of the federation.

    [bold]Example[/bold]

      bojagi federated plan next_purchase --sites 5 --output plan.json
      python -m federated.deployment train --folder FEDERATION --plan plan.json --checkpoint run.zip
    """
    from pipelines.federated.service import FederatedService
    from privacy.storage.atomic_file import replace_public

    with installation_for(data) as installation:
        made = FederatedService(installation, getuser()).plan(model, sites)
    replace_public(output, made.to_json())
    typer.echo(f"{output}: run {made.run}, schema {made.schema.fingerprint[:16]}")


def _print_status(found: ModelStatus) -> None:
    """Print the status of one model."""
    lines: dict[str, Any] = {"model": f"{found.name} ({found.title})", "state": found.state}
    if found.run:
        ended = ", converged" if found.is_converged else ""
        lines |= {
            "run": found.run,
            "rounds": f"{found.rounds} of at most {found.rounds_max}{ended}",
            "sites": ", ".join(found.sites),
            "sums": "masked: the server saw only their sum" if found.is_secure else "plain: the server saw each one",
            "noise": "none" if found.rho is None else f"ρ={found.rho:g} so far",
        }
    for site, reason in found.left_out.items():
        lines[f"left out {site}"] = reason
    if found.model is not None:
        lines["file"] = str(found.model)
    width = max(map(len, lines)) + 2
    for name, value in lines.items():
        typer.echo(f"{name:<{width}}{value}")
