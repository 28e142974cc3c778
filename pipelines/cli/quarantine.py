"""Commands `bojagi quarantine`: list quarantined rows and refused files; load rows after a contract was corrected."""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Engine, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from installation.quality.quarantine_content import QuarantinedGroup, QuarantinedItem

_REPORTED = ("source", "load_id", "rows_read", "rows_added", "rows_known", "rows_quarantined")
Source = Annotated[str | None, typer.Argument(help="Name of one source, such as crm_customer; all sources by default.")]

app = typer.Typer(
    cls=ErrorBoundary,
    help="List the rows and files that broke their contract, or load them after the contract was corrected.",
    no_args_is_help=True,
)


@app.command("list")
def list_rows(source: Source = None, data: Data = None, as_json: Json = False) -> None:
    """List what is in quarantine: refused files, and rows by file, column and reason. Values are not shown.

    [bold]Examples[/bold]

      bojagi quarantine list
      bojagi quarantine list delivery --json
    """
    from installation.quality.quarantine_content import quarantined_groups

    installation = installation_for(data)
    groups = quarantined_groups(_items(installation, source))
    now = in_utc(installation)
    if as_json:
        document = [{**asdict(group), "is_refused_file": group.is_refused_file} for group in groups]
        typer.echo(_as_json(document, now))
    elif not groups:
        typer.echo("Quarantine is empty.")
    else:
        _print([_shown(group, now) for group in groups])
        typer.echo(f"\n{_total(groups)}: `bojagi quarantine show SOURCE` lists each row.")


@app.command()
def show(
    source: Annotated[str, typer.Argument(help="Name of the source, such as crm_customer.")],
    limit: Annotated[int, typer.Option(help="Rows to print; --json prints all.", min=1)] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List each row and file of a source in quarantine: file, line, column, rule, reason and age.

    Values are not shown, because a quarantined row may hold personal data: look up the line in the landed file.

    [bold]Examples[/bold]

      bojagi quarantine show delivery
      bojagi quarantine show delivery --json | jq '.[].line'
    """
    installation = installation_for(data)
    items, now = _items(installation, source), in_utc(installation)
    if as_json:
        typer.echo(_as_json([asdict(item) for item in items], now))
    elif not items:
        typer.echo(f"Nothing of {source} is in quarantine.")
    else:
        _print([_shown(item, now) for item in items[:limit]])
        left = len(items) - limit
        typer.echo(f"\n{left:,} more; --limit shows more of them." if left > 0 else "")


@app.command("replay")
def replay(source: Source = None, engine: Engine = None, data: Data = None, as_json: Json = False) -> None:
    """Check the quarantined rows against the current contracts, and load the rows that pass.

    [bold]Examples[/bold]

      bojagi quarantine replay delivery
      bojagi run      [dim]# rebuilds the tables that depend on it[/dim]
    """
    with installation_for(data, engine=engine) as installation:
        names = None if source is None else [installation.contracts.source(source).name]
        print_replayed(replay_rows(installation, names), as_json=as_json)


def print_replayed(reports: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print what `replay_rows` has loaded."""
    if as_json:
        typer.echo(json.dumps(reports, ensure_ascii=False, indent=2))
    elif not reports:
        typer.echo("Quarantine is empty.")
    for report in () if as_json else reports:
        typer.echo(
            f"{report['source']}: {report['rows_added']:,} rows loaded, "
            f"{report['rows_quarantined']:,} remain in quarantine"
        )


def replay_rows(installation: "Installation", sources: Collection[str] | None) -> list[dict[str, Any]]:
    """Load the quarantined rows that pass the current contracts; None means those of all sources."""
    from installation.lakehouse_claim import lakehouse_lease
    from installation.quality.quarantine_content import quarantined_items
    from pipelines.engine.session import open_engine
    from pipelines.ingest.load_option import LoadOptions
    from pipelines.ingest.lock import run_lock
    from pipelines.ingest.quarantine_replay import replay_quarantine
    from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

    settings, contracts = installation.settings, installation.contracts
    found = {item.source for item in quarantined_items(installation.lakehouse)}
    waiting = sorted(found if sources is None else found & set(sources))
    if not waiting:
        return []
    with run_lock(settings.data_dir), lakehouse_lease(installation), open_engine(settings) as engine:
        lakehouse = SparkLakehouse(settings.lakehouse_root, engine.spark, settings.storage_options)
        options = LoadOptions.of(settings, installation.reference_date())
        shared = lakehouse, installation.protection, installation.clock, options
        reports = [replay_quarantine(contracts.source(name), *shared) for name in waiting]
    return [{name: vars(report)[name] for name in _REPORTED} for report in reports]


def in_utc(installation: "Installation") -> datetime:
    """Return the time now in UTC without a zone, as quarantine stores times."""
    return installation.clock().astimezone(UTC).replace(tzinfo=None)


def age(since: datetime, now: datetime) -> str:
    """Return how long ago a time is, in the largest unit that gives at least 1.

    >>> age(datetime(2018, 1, 1, 12), datetime(2018, 1, 4))
    '2 d'
    """
    seconds = max((now - since).total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _items(installation: "Installation", source: str | None) -> "list[QuarantinedItem]":
    """Return what is in quarantine. A source without a contract is known if quarantine still has something of it."""
    from installation.quality.quarantine_content import quarantined_items

    found = quarantined_items(installation.lakehouse, source)
    if source is not None and not found:
        installation.contracts.source(source)
    return found


def _shown(entry: "QuarantinedGroup | QuarantinedItem", now: datetime) -> dict[str, object]:
    """Return the cells of a line by heading."""
    values = asdict(entry)
    rows = {"rows": values.pop("rows") or "file"} if "rows" in values else {}
    line = "file" if values["line"] is None else values["line"]
    return values | rows | {"line": line, "age": age(entry.quarantined_at, now)}


def _as_json(entries: list[dict[str, Any]], now: datetime) -> str:
    for entry in entries:
        entry["age_seconds"] = round((now - entry["quarantined_at"]).total_seconds())
        entry["quarantined_at"] = f"{entry['quarantined_at'].isoformat(timespec='seconds')}Z"
    return json.dumps(entries, ensure_ascii=False, indent=2)


def _total(groups: "list[QuarantinedGroup]") -> str:
    rows, files = sum(group.rows for group in groups), sum(group.is_refused_file for group in groups)
    parts = [f"{rows:,} {'row' if rows == 1 else 'rows'}"] if rows else []
    parts += [f"{files:,} refused {'file' if files == 1 else 'files'}"] if files else []
    return " and ".join(parts) + " in quarantine"


def _print(lines: list[dict[str, object]]) -> None:
    from rich.markup import escape

    from pipelines.cli.grid import make_grid, open_console

    headings = [
        name for name in ("source", "file", "line", "rows", "column", "rule", "reason", "age") if name in lines[0]
    ]
    grid = make_grid(*headings, numbers=("line", "rows"))
    for line in lines:
        grid.add_row(*(_cell(line[name], escape) for name in headings))
    open_console().print(grid)


def _cell(value: object, escape: "Callable[[str], str]") -> str:
    return f"{value:,}" if isinstance(value, int) else escape("" if value is None else str(value))
