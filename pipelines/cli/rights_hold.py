"""Commands `bojagi rights hold`, `release` and `holds`: forbid the erasure of a person's data for a legal reason."""

from __future__ import annotations

import json
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from privacy.rights.request import Actor

Who = Annotated[str | None, typer.Option("--who", help="Your name in the audit log.", show_default="the user")]


def hold(
    customer: Annotated[str, typer.Option("--customer", help="Customer id of the person.")],
    ground: Annotated[str, typer.Option("--ground", help="Why, without personal data, such as 'court case 2026-17'.")],
    who: Who = None,
    data: Data = None,
) -> None:
    """Place a legal hold: nothing about the person is erased until it is released. Prints its number."""
    with installation_for(data) as installation:
        typer.echo(installation.rights_service().holds.place(customer, ground, officer(who)).id)


def release(
    hold_id: Annotated[str, typer.Argument(help="Number of the hold; `bojagi rights holds` shows it.")],
    who: Who = None,
    data: Data = None,
) -> None:
    """Release a legal hold. Erasures that waited for it can be approved and executed."""
    with installation_for(data) as installation:
        released = installation.rights_service().holds.release(hold_id, officer(who))
    typer.echo(f"{released.id} released")


def holds(
    every: Annotated[bool, typer.Option("--all", help="Show released holds, too.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the legal holds in force."""
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        found = installation.rights_service().holds.all(with_released=every)
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False))
        return
    if not found:
        typer.echo("No legal hold is in force.")
        return
    grid = make_grid("hold", "person", "ground", "placed", "by", "released")
    for one in found:
        released = f"{one.released_at:%Y-%m-%d}" if one.released_at else ""
        grid.add_row(one.id, one.subject, one.ground, f"{one.placed_at:%Y-%m-%d}", one.placed_by.who, released)
    open_console().print(grid)


def officer(who: str | None) -> Actor:
    """Return the user of the command as a privacy officer; the name is as declared."""
    from privacy.rights.request import Actor
    from privacy.rights.request_log import OFFICER

    return Actor(who=(who or getuser())[:200], role=OFFICER)
