"""Commands `bojagi quarantine`: list quarantined rows by reason, or load them after a contract was corrected."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Engine, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation

_REPORTED = ("source", "load_id", "rows_read", "rows_added", "rows_known", "rows_quarantined")
Source = Annotated[str | None, typer.Argument(help="Name of one source, such as crm_customer; all sources by default.")]

app = typer.Typer(
    cls=ErrorBoundary,
    help="List the rows that broke their contract, or load them after the contract was corrected.",
    no_args_is_help=True,
)


@app.command("list")
def list_rows(source: Source = None, data: Data = None, as_json: Json = False) -> None:
    """Count the rows in quarantine by source, column, rule and reason. Their values are not shown.

    [bold]Examples[/bold]

      bojagi quarantine list
      bojagi quarantine list delivery --json
    """
    from pipelines.quality.table_status import count_quarantine

    counts = count_quarantine(installation_for(data).lakehouse, source)
    if as_json:
        typer.echo(json.dumps(counts, ensure_ascii=False, indent=2))
    elif not counts:
        typer.echo("Quarantine is empty.")
    else:
        _print(counts)


@app.command("replay")
def replay(source: Source = None, engine: Engine = None, data: Data = None, as_json: Json = False) -> None:
    """Check the quarantined rows against the current contracts, and load the rows that pass.

    [bold]Examples[/bold]

      bojagi quarantine replay delivery
      bojagi run      [dim]# rebuilds the tables that depend on it[/dim]
    """
    with installation_for(data, engine=engine) as installation:
        reports = _replay(installation, source)
    if as_json:
        typer.echo(json.dumps(reports, ensure_ascii=False, indent=2))
    elif not reports:
        typer.echo("Quarantine is empty.")
    for report in () if as_json else reports:
        typer.echo(
            f"{report['source']}: {report['rows_added']:,} rows loaded, "
            f"{report['rows_quarantined']:,} remain in quarantine"
        )


def _replay(installation: "Installation", source: str | None) -> list[dict[str, Any]]:
    from pipelines.engine.session import open_engine
    from pipelines.ingest.load_option import LoadOptions
    from pipelines.ingest.lock import run_lock
    from pipelines.ingest.quarantine_replay import replay_quarantine
    from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
    from pipelines.quality.table_status import count_quarantine

    settings, contracts = installation.settings, installation.contracts
    chosen = None if source is None else contracts.source(source).name
    waiting = sorted({entry["source"] for entry in count_quarantine(installation.lakehouse, chosen)})
    if not waiting:
        return []
    with run_lock(settings.data_dir), open_engine(settings) as engine:
        lakehouse = SparkLakehouse(settings.lakehouse_root, engine.spark, settings.storage_options)
        options = LoadOptions.of(settings, installation.reference_date())
        shared = lakehouse, installation.protection, installation.clock, options
        reports = [replay_quarantine(contracts.source(name), *shared) for name in waiting]
    return [{name: vars(report)[name] for name in _REPORTED} for report in reports]


def _print(counts: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    from pipelines.cli.grid import make_grid, open_console

    grid = make_grid("rows", "files", "source", "column", "rule", "reason", numbers=("rows", "files"))
    for entry in counts:
        grid.add_row(
            *(escape(str(entry[name] or "")) for name in ("rows", "files", "source", "column", "rule", "reason"))
        )
    open_console().print(grid)
