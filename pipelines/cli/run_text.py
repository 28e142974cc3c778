"""Writes the output of `bojagi run`: one line for each finished table, then the totals of the run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from installation.settings import Settings
from pipelines.cli.landing_text import describe_unmatched
from pipelines.ingest.landing import UnmatchedFile
from pipelines.orchestration.run_progress import RunProgress, TableTurn

NAME_WIDTH = 36


def describe_turn(turn: TableTurn) -> str:
    """Return the line of one table: mark, name, rows, seconds, checks and errors."""
    head = f"{_mark(turn)} {turn.table:<{NAME_WIDTH}}"
    if turn.error is not None:
        return f"{head} [red]{_plain(turn.error)}[/red]"
    rows = "" if turn.rows is None else f"{turn.rows:>12,} rows"
    line = f"{head}{rows}  {turn.seconds:>5.1f} s  {_rules(turn)}{_load(turn)}"
    broken = [f"    [red]{_plain(fault)}[/red]" for fault in (*turn.broken_checks, *turn.faults)]
    return "\n".join([line, *broken, *(f"    [yellow]{_plain(note)}[/yellow]" for note in turn.notes)])


def print_summary(
    console: Console, progress: RunProgress, settings: Settings, seconds: float, unmatched: Sequence[UnmatchedFile] = ()
) -> None:
    """Print the totals of the run, what failed, the landed files that no contract loads, and the next commands."""
    total = totals(progress, settings, seconds, unmatched)
    tables, quality, rows = total["tables"], total["quality"], total["rows"]
    console.print()
    console.print(
        f"[bold]{tables['finished']} of {tables['all']} tables[/bold] "
        f"({tables['up_to_date']} already up to date), {rows['all']:,} rows, {rows['added']:,} added, "
        f"{rows['quarantined']:,} quarantined"
    )
    if tables["skipped"]:
        skipped = ", ".join(tables["skipped"])
        reason = "the run failed" if progress.error else "an input failed its checks or its build"
        console.print(f"[red]Not rebuilt[/red], because {reason}: {skipped}", soft_wrap=True)
    for turn in progress.listed:
        for fault in turn.faults:
            console.print(f"[red]Failed:[/red] {turn.table}: {_plain(fault)}", soft_wrap=True)
    for line in describe_unmatched(total["unmatched"]):
        console.print(f"[yellow]{_plain(line)}[/yellow]", soft_wrap=True)
    console.print(
        f"Quality: {quality['passed']:,} rules hold, {quality['warned']:,} warn, {quality['failed']:,} failed"
    )
    console.print(f"{seconds:.1f} s on {settings.engine}")
    console.print()
    console.print("Next: [bold]bojagi ui[/bold] for the graph, this run and its checks; [bold]bojagi status[/bold]")
    console.print(f"      {total['next']['data_docs']} for the data docs", soft_wrap=True)


def as_json(progress: RunProgress, settings: Settings, seconds: float, unmatched: Sequence[UnmatchedFile] = ()) -> str:
    """Return the totals and the turn of each table as one JSON document."""
    document = totals(progress, settings, seconds, unmatched) | {"turns": [asdict(turn) for turn in progress.listed]}
    return json.dumps(document, ensure_ascii=False, indent=2)


def totals(
    progress: RunProgress, settings: Settings, seconds: float, unmatched: Sequence[UnmatchedFile] = ()
) -> dict[str, Any]:
    """Return the totals of a run by topic: tables, rows, quality, landed files left out, and where to look next."""
    turns = list(progress.listed)
    return {
        "engine": settings.engine,
        "seconds": round(seconds, 2),
        "error": progress.error,
        "tables": {
            "all": len(turns),
            "finished": sum(turn.is_finished for turn in turns),
            "up_to_date": sum(turn.is_up_to_date for turn in turns),
            "failed": [turn.table for turn in turns if turn.error or turn.broken_checks or turn.faults],
            "skipped": [turn.table for turn in turns if not turn.is_started],
        },
        "rows": {
            "all": sum(turn.rows or 0 for turn in turns),
            "added": sum(turn.rows_added or 0 for turn in turns),
            "quarantined": sum(turn.rows_quarantined for turn in turns),
        },
        "quality": {
            "passed": sum(turn.rules_passed for turn in turns),
            "warned": sum(turn.rules_warned for turn in turns),
            "failed": sum(turn.rules_failed for turn in turns),
        },
        "unmatched": [asdict(file) for file in unmatched],
        "next": {
            "lakehouse": settings.lakehouse_root,
            "data_docs": str(settings.quality_site_dir / "index.html"),
        },
    }


def _mark(turn: TableTurn) -> str:
    if not turn.is_finished or turn.faults:
        return "[red]✗[/red]"
    return "[yellow]![/yellow]" if turn.rules_warned or turn.notes else "[green]✓[/green]"


def _rules(turn: TableTurn) -> str:
    if turn.awaits_checks:
        return "[red]not checked[/red]: a table that its rules read failed its checks"
    checked = turn.rules_passed + turn.rules_warned + turn.rules_failed
    if not checked:
        return ""
    parts = [f"{turn.rules_passed} of {checked} rules hold"]
    if turn.rules_warned:
        parts.append(f"[yellow]{turn.rules_warned} warn[/yellow]")
    if turn.rules_failed:
        parts.append(f"[red]{turn.rules_failed} failed[/red]")
    return ", ".join(parts)


def _load(turn: TableTurn) -> str:
    if turn.is_up_to_date:
        return "  [dim]up to date[/dim]"
    return f"  {turn.rows_quarantined:,} quarantined" if turn.rows_quarantined else ""


def _plain(text: str) -> str:
    """Return the text with its brackets escaped, so that the console does not read them as markup."""
    return text.replace("[", "\\[")
