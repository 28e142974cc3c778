"""`bojagi quarantine`: what was refused and why, and another try after a contract was mended."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Engine, Json, settings_for

if TYPE_CHECKING:
    from pipelines.config import Settings

_REPORTED = ("source", "load_id", "rows_read", "rows_added", "rows_known", "rows_quarantined")
Source = Annotated[str | None, typer.Argument(help="Only this source, such as crm_customer.")]

app = typer.Typer(
    cls=ErrorBoundary, help="Rows that broke their contract: list them, or load them after a fix.", no_args_is_help=True
)


@app.command("list")
def list_rows(source: Source = None, data: Data = None, as_json: Json = False) -> None:
    """Count the rows in quarantine by source, column, rule and reason. The rows themselves are not shown.

    [bold]Examples[/bold]

      bojagi quarantine list
      bojagi quarantine list delivery --json
    """
    from pipelines.survey import count_quarantine

    counts = count_quarantine(settings_for(data), source)
    if as_json:
        typer.echo(json.dumps(counts, ensure_ascii=False, indent=2))
    elif not counts:
        typer.echo("Quarantine is empty.")
    else:
        _print(counts)


@app.command("replay")
def replay(source: Source = None, engine: Engine = None, data: Data = None, as_json: Json = False) -> None:
    """Try the waiting rows again under the contracts as they are now. What passes leaves the quarantine.

    [bold]Examples[/bold]

      bojagi quarantine replay delivery
      bojagi run      [dim]# refreshes what depends on it[/dim]
    """
    reports = _replay(settings_for(data, engine=engine), source)
    if as_json:
        typer.echo(json.dumps(reports, ensure_ascii=False, indent=2))
    elif not reports:
        typer.echo("Quarantine is empty.")
    for report in () if as_json else reports:
        typer.echo(f"{report['source']}: {report['rows_added']:,} rows loaded, {report['rows_quarantined']:,} remain")


def _replay(settings: "Settings", source: str | None) -> list[dict[str, Any]]:
    from pipelines.clock import wall_clock
    from pipelines.contracts.document import load_contracts
    from pipelines.engine import open_engine
    from pipelines.ingest.lock import run_lock
    from pipelines.ingest.replay import replay_quarantine
    from pipelines.lakehouse import Lakehouse
    from pipelines.privacy_store import open_protection
    from pipelines.survey import count_quarantine

    contracts = load_contracts(settings.contract_dirs)
    chosen = None if source is None else contracts.source(source).name
    waiting = sorted({entry["source"] for entry in count_quarantine(settings, chosen)})
    if not waiting:
        return []
    with run_lock(settings.data_dir), open_protection(settings) as protection, open_engine(settings) as engine:
        session: Any = engine.spark
        lakehouse = Lakehouse(settings.lakehouse_root, session, settings.storage_options)
        reports = [replay_quarantine(contracts.source(name), lakehouse, protection, wall_clock) for name in waiting]
    return [{name: vars(report)[name] for name in _REPORTED} for report in reports]


def _print(counts: list[dict[str, Any]]) -> None:
    from pipelines.cli.grid import make_grid, open_console

    grid = make_grid("rows", "files", "source", "column", "rule", "reason", numbers=("rows", "files"))
    for entry in counts:
        grid.add_row(*(str(entry[name] or "") for name in ("rows", "files", "source", "column", "rule", "reason")))
    open_console().print(grid)
