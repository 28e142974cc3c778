"""Commands `bojagi insight audience`: create, list, size, check and export groups of customers that rules describe."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for
from pipelines.cli.read_output import require_free

if TYPE_CHECKING:
    from features.insight.audience.rule import Audience
    from features.insight.audience.service import AudienceSize
    from features.insight.audience.store import AudienceStore
    from features.retrieval.answer import Caller
    from installation.installation import Installation

app = typer.Typer(
    cls=ErrorBoundary,
    help="Create, list, size, check and export groups of customers that a rule describes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Name = Annotated[str, typer.Argument(help="Name of an audience, as `bojagi insight audience list` shows it.")]
Role = Annotated[str, typer.Option("--role", help="Role of the user, such as marketer; logged as declared.")]
Who = Annotated[str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")]


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="YAML file with name, purpose and rule.", exists=True, dir_okay=False)],
    role: Role,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the audience of the same name.")] = False,
    who: Who = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Store an audience and show its size, rounded down to a multiple of 10.

    Members are the customers for whom the rule holds and who permit the purpose now. An audience that differs by few
    customers from an earlier one is refused. docs/audiences.md has the language of rules.

    [bold]Example[/bold]

      bojagi insight audience create lapsed.yaml --role marketer
    """
    from features.insight.audience.service import Audiences

    with installation_for(data) as installation:
        size = Audiences(installation).create(_text_of(file), _caller(role, who), replaces=replace)
    _print_size(size, as_json=as_json)


@app.command("list")
def list_audiences(as_json: Json = False, data: Data = None) -> None:
    """List the audiences with purpose and description."""
    from rich.markup import escape

    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        store = _store(installation)
        found = [store.read(name) for name in store.names()]
    rows = [(one.name, one.purpose, one.description) for one in found]
    if as_json:
        typer.echo(json.dumps([dict(zip(("name", "purpose", "description"), r, strict=True)) for r in rows]))
        return
    grid = make_grid("name", "purpose", "description")
    for row in rows:
        grid.add_row(*map(escape, row))
    open_console().print(grid)


@app.command()
def show(
    name: Name,
    sql: Annotated[bool, typer.Option("--sql", help="Show the query that selects the members.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the definition of an audience, or its query."""
    from features.insight.audience.service import Audiences

    with installation_for(data) as installation:
        audience = _store(installation).read(name)
        query = Audiences(installation).sql(audience) if sql else None
    if as_json:
        shown: dict[str, Any] = {
            "name": audience.name,
            "description": audience.description,
            "purpose": audience.purpose,
        }
        shown |= {"rule": audience.rule.document()}
        if query is not None:
            shown |= {"sql": query.sql, "values": list(query.values)}
        typer.echo(json.dumps(shown, default=str, ensure_ascii=False))
    elif query is None:
        typer.echo(audience.text(), nl=False)
    else:
        typer.echo(query.sql)
        for number, value in enumerate(query.values, 1):
            typer.echo(f"-- ${number} = {value!r}")


@app.command()
def size(
    audience: Annotated[str, typer.Argument(help="Name of an audience, or a YAML file with one that is not stored.")],
    role: Role,
    who: Who = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show how many customers are members and permit the purpose now, rounded down to a multiple of 10.

    The question is kept for a year: later audiences that are nearly the same are refused.
    """
    from features.insight.audience.service import Audiences

    with installation_for(data) as installation:
        found = _read(installation, audience)
        answer = Audiences(installation).size(found, _caller(role, who))
    _print_size(answer, as_json=as_json)


@app.command()
def check(
    name: Name,
    customer: Annotated[str, typer.Option("--customer", help="Customer id.")],
    role: Role,
    who: Who = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show whether a customer is a member now, and which tests of the rule hold. It reads the online store."""
    from features.insight.audience.service import Audiences
    from features.retrieval.reader import FeatureReader

    with installation_for(data) as installation, FeatureReader.open(installation) as reader:
        found = Audiences(installation).check(name, customer, _caller(role, who), reader)
    if as_json:
        typer.echo(json.dumps(asdict(found), default=str, ensure_ascii=False))
        return
    typer.echo(f"{'a member' if found.is_member else 'no member'} of {name}")
    if not found.permits:
        typer.echo("  the customer does not permit the purpose, so nothing else was read")
    for text, is_true in found.tests:
        typer.echo(f"  {'yes' if is_true else 'no '} {text}")


@app.command()
def export(
    name: Name,
    role: Role,
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write, private to you (mode 0600).")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Destination of the settings that gets this audience.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --out.")] = False,
    who: Who = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Export the members who permit the purpose now: to a destination, or their ids to a file of yours.

    At least 10 members are needed. With --to, the destination says in which form they are written, and it gets a list
    of those who left; docs/destinations.md has the settings. With --out, the role must know customers by their id.
    Requests for erasure do not reach this file: delete it when it is no longer needed. Consents change: export again
    before each use. Each export is on record for the customer (`silver/disclosure`).

    [bold]Examples[/bold]

      bojagi insight audience export lapsed --to google_ads --role marketer
      bojagi insight audience export lapsed --out members.csv --role privacy_officer
    """
    if (out is None) == (to is None):
        raise typer.BadParameter("expected either --out FILE or --to DESTINATION")
    if out is None:
        _export_to(str(to), name, _caller(role, who), as_json=as_json, data=data)
        return
    from features.destination.disclosure import Disclosure
    from features.insight.audience.service import Audiences
    from privacy.storage.atomic_file import private_draft

    require_free(out, force=force)
    with installation_for(data) as installation:
        audiences = Audiences(installation)
        members = audiences.members(name, _caller(role, who))
        purpose = audiences.store.read(name).purpose
        Disclosure("file", purpose, name, "customer_id", installation.clock()).note(installation.lakehouse, members)
    with private_draft(out) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["customer_id"], *([one] for one in members)])
    if as_json:
        typer.echo(json.dumps({"name": name, "members": len(members), "file": str(out)}))
    else:
        typer.echo(f"Wrote {len(members):,} customers to {out}. Only you can read it.", err=True)


def _export_to(to: str, name: str, caller: Caller, *, as_json: bool, data: Path | None) -> None:
    from features.destination.errors import DestinationError
    from features.destination.sending import send_changes

    with installation_for(data) as installation:
        destination = installation.settings.destinations.get(to)
        if destination is None or destination.audience != name:
            raise DestinationError(f"{to}: the settings do not give it the audience {name}; see [destinations.{to}].")
        report = send_changes(installation, to, by=caller)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    else:
        typer.echo(
            f"{to}: {report.changed:,} new or changed, {report.unchanged:,} unchanged, {report.removed:,} left, "
            f"{report.left_out:,} left out"
        )
    if report.fault or report.failed:
        raise DestinationError(f"{to}: it did not take all. {report.fault}".rstrip())


@app.command()
def delete(name: Name, data: Data = None) -> None:
    """Delete an audience. Its rule stays in the history of a year, with which later audiences are compared."""
    with installation_for(data) as installation:
        _store(installation).delete(name)


def _store(installation: Installation) -> AudienceStore:
    from features.insight.audience.store import AudienceStore
    from installation.data_secret import open_audiences

    return AudienceStore(open_audiences(installation.settings, installation.server))


def _read(installation: Installation, audience: str) -> Audience:
    from features.insight.audience.rule import read_audience

    if audience.endswith((".yaml", ".yml")) and Path(audience).is_file():
        return read_audience(_text_of(Path(audience)))
    return _store(installation).read(audience)


def _text_of(file: Path) -> str:
    from features.insight.audience.errors import DefinitionError

    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise DefinitionError("the file", "bytes that are no UTF-8", "text in UTF-8") from None


def _caller(role: str, who: str | None) -> Caller:
    from features.retrieval.answer import Caller

    return Caller(who or getuser(), role)


def _print_size(size: AudienceSize, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(size), default=str))
        return
    few = " (few or none)" if size.size == 0 else ""
    typer.echo(f"{size.name}: {size.size:,} members{few} of {size.permitting:,} customers who permit {size.purpose}")
