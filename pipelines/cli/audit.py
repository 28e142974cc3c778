"""Commands `bojagi audit`: show the uses of personal data by user and purpose, and verify the audit log."""

from __future__ import annotations

import json
import re
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for
from privacy.access.pseudonym import log_pseudonym

if TYPE_CHECKING:
    from privacy.audit import AuditEntry

DEFAULT_LIMIT = 50
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}

app = typer.Typer(
    cls=ErrorBoundary,
    help="Show and verify the log of every use of personal data.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def show(
    who: Annotated[str | None, typer.Option("--who", help="Only this user or service.")] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", help="Only this purpose.")] = None,
    table: Annotated[str | None, typer.Option("--table", help="Only this table.")] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Only views of this customer's pages in the console.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Only later ones: a date or time in UTC, or an age such as 12h or 7d."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only the newest entries.", show_default=f"{DEFAULT_LIMIT}; --json all"),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the newest entries, the newest last, then the anchor. Times are in UTC.

    Keep the anchor elsewhere for `bojagi audit verify --anchor`.

    [bold]Examples[/bold]

      bojagi audit show --since 7d --table gold/customer_360
      bojagi audit show --who 'bojagi run' --purpose analytics --limit 5
      bojagi audit show --customer c_27jthoumeij2ui2pfsxp263u4u --since 30d
      bojagi audit show --since 2026-03-01 --json | jq 'select(.outcome == "refused")'
    """
    installation = installation_for(data)
    subject = None if customer is None else log_pseudonym(installation.pseudonym_key, customer)
    wanted = {"who": who, "purpose": purpose, "table": table, "subject": subject}
    start = None if since is None else _start(since)
    log = installation.audit_log
    found = log.entries(
        lambda e: (start is None or e.at >= start) and all(v in (None, getattr(e, n)) for n, v in wanted.items())
    )
    if as_json:
        for number, entry in found if limit is None else deque(found, limit):
            typer.echo(json.dumps({"number": number, **entry.model_dump(mode="json")}, ensure_ascii=False))
    else:
        _print(list(found), limit or DEFAULT_LIMIT)
    if log.anchor_path.exists():
        anchor = log.anchor()
        typer.echo(f"anchor {anchor.number}:{anchor.digest}", err=as_json)


def _start(since: str) -> datetime:
    """Return the moment that `--since` names: a date, a time, or an age such as 7d."""
    age = re.fullmatch(r"(\d{1,5})([mhdw])", since)
    try:
        if age:
            return datetime.now(UTC) - timedelta(minutes=int(age[1]) * _MINUTES[age[2]])
        moment = datetime.fromisoformat(since)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"got {since!r}; expected a date such as 2026-03-01, a time, or an age in m, h, d or w such as 7d",
            param_hint="--since",
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print(found: list[tuple[int, AuditEntry]], limit: int) -> None:
    """Print the newest entries as number, time and text. On a terminal, long text continues below its start."""
    from rich.table import Table
    from rich.text import Text

    from pipelines.cli.grid import open_console

    console = open_console()
    if len(found) > limit:
        console.print(
            f"{len(found) - limit:,} older entries are not shown; --limit {len(found)} shows all", style="dim"
        )
    lines = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(2):
        lines.add_column(no_wrap=True, justify="right")
    lines.add_column(overflow="fold")
    for number, entry in found[-limit:]:
        moment = f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        if console.is_terminal:
            lines.add_row(str(number), moment, Text(_line(entry), style="" if entry.outcome == "allowed" else "red"))
        else:
            typer.echo(f"{number:>6}  {moment}  {_line(entry)}")
    if console.is_terminal:
        console.print(lines)


def _line(entry: AuditEntry) -> str:
    """Return an entry as text. It leaves out the columns that were read, which --json shows."""
    counts = [f"{entry.subjects:,} subjects"] if entry.subjects is not None else []
    counts += [f"{len(entry.columns)} columns"] if entry.columns else []
    counts += [f"rows selected by {', '.join(entry.filtered_by)}"] if entry.filtered_by else []
    use = f"{entry.who} ({entry.role}, {entry.identity})  {entry.action} {entry.table} for {entry.purpose}: "
    return use + ", ".join([entry.outcome, *counts]) + (f" ({entry.reason})" if entry.reason else "")


@app.command()
def verify(
    anchor: Annotated[
        str | None, typer.Option("--anchor", help="An anchor that was kept elsewhere, as number:digest.")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Verify the whole log, the privacy ledger, and that every logged release has a separate debit.

    The log must contain every anchor published in `anchor_archive`, if the setting names a place. Exit code 1 if an
    entry of either log was altered, removed, reordered or cut off.

    [bold]Examples[/bold]

      bojagi audit verify
      bojagi audit verify --anchor 41:9c0e...
    """
    from installation.audit_verification import verify_audit_log, verify_releases
    from privacy.storage.hash_chain import ChainHead

    published = []
    if anchor is not None:
        number, _, digest = anchor.partition(":")
        if not number.isdigit() or len(digest) != 64:
            raise typer.BadParameter("expected number:digest, as `bojagi audit show` prints it", param_hint="--anchor")
        published.append(ChainHead(int(number), digest))
    with installation_for(data) as installation:
        faults = [*verify_audit_log(installation, published), *verify_releases(installation)]
    if as_json:
        typer.echo(json.dumps([{"kind": f.kind, "number": f.number, "message": f.message} for f in faults]))
    else:
        for fault in faults:
            typer.echo(f"{fault.kind}: {fault.message}")
        typer.echo("the log was changed" if faults else "the log is as it was written")
    if faults:
        raise typer.Exit(1)


@app.command()
def publish(data: Data = None) -> None:
    """Publish the log's anchor in the place that the setting `anchor_archive` names, elsewhere than this machine.

    An older copy of the whole machine is then found by `bojagi audit verify`. A Dagster schedule does the same every
    hour. The log is verified first; a log that was changed is not published.

    [bold]Examples[/bold]

      BOJAGI_ANCHOR_ARCHIVE=/mnt/write-once/bojagi bojagi audit publish
    """
    from installation.audit_verification import publish_anchor

    with installation_for(data) as installation:
        typer.echo(f"published {publish_anchor(installation)} in {installation.settings.anchor_archive}")
