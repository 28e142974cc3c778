"""Commands `bojagi audit`: show the uses of personal data by user and purpose, and verify the audit log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from privacy.audit import AuditEntry

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
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the entries, then the anchor. Keep the anchor elsewhere for `bojagi audit verify --anchor`.

    [bold]Examples[/bold]

      bojagi audit show --table gold/customer_360
      bojagi audit show --who 'bojagi run' --purpose analytics
      bojagi audit show --json | jq 'select(.outcome == "refused")'
    """
    wanted = {"who": who, "purpose": purpose, "table": table}
    log = installation_for(data).audit_log
    for number, entry in log.entries(lambda e: all(v in (None, getattr(e, n)) for n, v in wanted.items())):
        if as_json:
            typer.echo(json.dumps({"number": number, **entry.model_dump(mode="json")}, ensure_ascii=False))
        else:
            typer.echo(f"{number:>6}  {entry.at:%Y-%m-%d %H:%M:%S}  {_line(entry)}")
    if log.anchor_path.exists():
        anchor = log.anchor()
        typer.echo(f"anchor {anchor.number}:{anchor.digest}", err=as_json)


def _line(entry: AuditEntry) -> str:
    """Return an entry as one line of text. It leaves out the columns, which --json shows."""
    counts = [f"{entry.subjects:,} subjects"] if entry.subjects is not None else []
    counts += [f"{len(entry.columns)} columns"] if entry.columns else []
    use = f"{entry.who} ({entry.role})  {entry.action} {entry.table} for {entry.purpose}: "
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
    from privacy.storage.hash_chain import ChainHead

    published = []
    if anchor is not None:
        number, _, digest = anchor.partition(":")
        if not number.isdigit() or len(digest) != 64:
            raise typer.BadParameter("expected number:digest, as `bojagi audit show` prints it", param_hint="--anchor")
        published.append(ChainHead(int(number), digest))
    with installation_for(data) as installation:
        faults = [*installation.verify_audit_log(published), *installation.verify_releases()]
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
    with installation_for(data) as installation:
        typer.echo(f"published {installation.publish_anchor()} in {installation.settings.anchor_archive}")
