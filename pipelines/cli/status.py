"""Command `bojagi status`: prints tables, rows, versions, check results, the last run and the quarantine."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.quality.table_status import TableStatus


def status(data: Data = None, as_json: Json = False) -> None:
    """Show the tables of a data folder: rows, versions, check results, the last run, the quarantine.

    Opens no engine and changes nothing.

    [bold]Examples[/bold]

      bojagi status
      bojagi status --json | jq '.tables[] | select(.rules_failed > 0)'
    """
    from installation.quality.quarantine_content import quarantined_groups, quarantined_items
    from pipelines.orchestration.landing_state import unmatched_landings
    from pipelines.quality.newest_event import find_newest_event
    from pipelines.quality.table_status import read_table_status

    installation = installation_for(data)
    settings, lakehouse = installation.settings, installation.lakehouse
    tables = list(read_table_status(lakehouse, installation.contracts, installation.inspection_records))
    newest = find_newest_event(lakehouse, installation.contracts, installation.reference_date())
    document = {
        "data": str(settings.data_dir),
        "reference_date": str(newest.today),
        "newest_event": str(newest.day) if newest.day else None,
        "warnings": [newest.warning] if newest.warning else [],
        "last_run": last_run(installation),
        "tables": [_row(state) for state in tables if state.version is not None],
        "quarantine": [
            {**asdict(group), "quarantined_at": group.quarantined_at.isoformat()}
            for group in quarantined_groups(quarantined_items(lakehouse))
        ],
        "unmatched": [asdict(file) for file in unmatched_landings(settings, installation.contracts)],
    }
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(document)


def last_run(installation: "Installation") -> dict[str, Any] | None:
    """Return id, state, start, duration and explanation of the newest refresh, of any machine; None without a run."""
    from installation.lakehouse_claim import is_leased_elsewhere

    settings = installation.settings
    if not (settings.dagster_dir / "dagster.yaml").exists():
        return None
    from pipelines.ingest.lock import is_locked
    from pipelines.orchestration.instance import newest_run, open_instance

    with open_instance(settings) as instance:
        is_running = is_locked(settings.data_dir) or (
            installation.server is not None and is_leased_elsewhere(installation)
        )
        return newest_run(instance, is_locked=is_running)


def _row(state: "TableStatus") -> dict[str, Any]:
    quality = state.record.quality if state.record else None
    return {
        "table": state.table,
        "rows": state.rows,
        "version": state.version,
        "size_bytes": state.size_bytes,
        "checked_at": state.record.measured_at.isoformat() if state.record else None,
        "rules_passed": sum(result.passed for result in quality.results) if quality else None,
        "rules_warned": len(quality.warnings) if quality else None,
        "rules_failed": len(quality.blocking) if quality else None,
    }


def _print(document: dict[str, Any]) -> None:
    from rich.markup import escape

    from pipelines.cli.grid import make_grid, open_console
    from pipelines.cli.landing_text import describe_unmatched

    console = open_console()
    counted = ("rows", "version", "MB", "rules hold", "warn", "failed")
    grid = make_grid("table", *counted, numbers=counted)
    for row in document["tables"]:
        counts = (row["rules_passed"], row["rules_warned"], row["rules_failed"])
        size = None if row["size_bytes"] is None else f"{row['size_bytes'] / 1e6:,.1f}"
        grid.add_row(row["table"], *(_cell(value) for value in (row["rows"], row["version"], size, *counts)))
    console.print(grid)
    waiting = sum(entry["rows"] for entry in document["quarantine"])
    refused = [entry for entry in document["quarantine"] if entry["line"] is None]
    console.print()
    for line in _sentences(document["last_run"]):
        console.print(escape(line), soft_wrap=True)
    console.print(f"Reference date {document['reference_date']}, newest event {document['newest_event'] or '-'}")
    for warning in document["warnings"]:
        console.print(f"[yellow]{warning}[/yellow]", soft_wrap=True)
    console.print(f"{waiting:,} rows are in quarantine" + (": bojagi quarantine list" if waiting else ""))
    for entry in refused:
        line = f"{entry['source']}: {entry['file']}: refused: {entry['reason']}"
        console.print(f"[red]{escape(line)}[/red]", soft_wrap=True)
    for line in describe_unmatched(document["unmatched"]):
        console.print(f"[yellow]{escape(line)}[/yellow]", soft_wrap=True)
    if not any(row["version"] is not None for row in document["tables"]):
        console.print(f"There are no tables in {document['data']} yet. Run [bold]bojagi run[/bold] to make them.")


def _sentences(run: dict[str, Any] | None) -> list[str]:
    if run is None:
        return ["No run yet"]
    seconds = "" if run["seconds"] is None else f", {run['seconds']} s"
    part = f" of {run['selection']}" if run["selection"] else ""
    line = f"Last run{part} {run['started_at']}: {run['state']}{seconds} (id {run['run_id'][:8]})"
    return [line, *([run["explanation"]] if run["explanation"] else [])]


def _cell(value: int | str | None) -> str:
    if value is None:
        return "[dim]-[/dim]"
    return f"{value:,}" if isinstance(value, int) else value
