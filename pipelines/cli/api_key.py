"""Commands `bojagi api-key`: make, list and revoke the keys of programs that call the HTTP application."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from pathlib import Path

    from agent_serving.authentication.api_key import ApiKey, ApiKeyStore
    from installation.installation import Installation

app = typer.Typer(
    cls=ErrorBoundary,
    help="Make, list and revoke the keys of programs that call the HTTP application.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Name of the program; the audit log calls it so.")],
    role: Annotated[str, typer.Option("--role", help="What the program may read: a role, such as agent.")],
    purpose: Annotated[
        list[str], typer.Option("--purpose", help="A purpose that the program may state; repeat for several.")
    ],
    expires: Annotated[
        str | None, typer.Option("--expires", help="Days until it expires, such as 90d.", show_default="never")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a key and print it once. Only a hash of it is stored, so a lost key must be replaced.

    [bold]Examples[/bold]

      bojagi api-key create --name web-shop --role agent --purpose personalisation
      bojagi api-key create --name trial --role agent --purpose service_delivery --expires 7d
    """
    from agent_serving.authentication.identity import unknown_purposes

    with _opened(data) as (installation, store):
        excess = unknown_purposes(installation.roles, role, frozenset(purpose))
        if excess:
            known = ", ".join(installation.roles[role].purposes)
            print_error(f"The role {role} does not have the purpose {', '.join(excess)}; it has {known}.")
            raise typer.Exit(ExitCode.REFUSED)
        until = None if expires is None else installation.clock() + _span(expires)
        made, key = store.create(name, role, frozenset(purpose), until)
    if as_json:
        typer.echo(json.dumps({**_described(made, made.created_at), "key": key}))
        return
    typer.echo(key)
    typer.echo(f"Key {made.id} of {made.name}: store it now, it is not shown again.", err=True)


@app.command("list")
def list_keys(as_json: Json = False, data: Data = None) -> None:
    """List the keys with role, purposes and state, the newest first. Times are in UTC."""
    from agent_serving.collector.write_key import is_write_key
    from pipelines.cli.grid import make_grid, open_console

    with _opened(data) as (installation, store):
        now = installation.clock()
        keys = [_described(key, now) for key in store.all_keys() if not is_write_key(key)]
    if as_json:
        typer.echo(json.dumps(keys))
        return
    if not keys:
        typer.echo("There are no API keys. Make one with `bojagi api-key create`.")
        return
    table = make_grid("id", "name", "role", "purposes", "state", "created", "expires")
    for key in keys:
        moments = [(key[when] or "never")[:16].replace("T", " ") for when in ("created_at", "expires_at")]
        table.add_row(key["id"], key["name"], key["role"], ", ".join(key["purposes"]), key["state"], *moments)
    open_console().print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `bojagi api-key list` shows it.")],
    data: Data = None,
) -> None:
    """Revoke a key. Every process refuses it from its next request on."""
    with _opened(data) as (_, store):
        key = store.revoke(key_id)
    typer.echo(f"The key {key.id} of {key.name} is revoked.")


@contextmanager
def _opened(data: Path | None) -> Iterator[tuple[Installation, ApiKeyStore]]:
    from agent_serving.services import open_api_keys

    with installation_for(data) as installation:
        store = open_api_keys(installation)
        try:
            yield installation, store
        finally:
            store.close()


def _described(key: ApiKey, now: datetime) -> dict[str, Any]:
    moments = {"created_at": key.created_at, "expires_at": key.expires_at, "revoked_at": key.revoked_at}
    return {
        "id": key.id, "name": key.name, "role": key.role, "purposes": list(key.purposes), "state": key.state(now),
        **{name: None if moment is None else moment.isoformat() for name, moment in moments.items()},
    }  # fmt: skip


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,3})d", text)
    if not found:
        raise typer.BadParameter(f"Got {text!r}; expected a number of days such as 90d.", param_hint="--expires")
    return timedelta(days=int(found[1]))
