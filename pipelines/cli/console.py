"""Commands `bojagi console account`: add, list and revoke the accounts of staff, and make their one-time links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from pathlib import Path

    from agent_serving.authentication.staff_account import StaffAccount, StaffAccounts
    from installation.installation import Installation

app = typer.Typer(
    cls=ErrorBoundary, help="The console for staff.", no_args_is_help=True, rich_markup_mode="rich"
)  # fmt: skip
account_app = typer.Typer(
    cls=ErrorBoundary, help="Accounts of staff, where no provider signs them in.", no_args_is_help=True,
    rich_markup_mode="rich",
)  # fmt: skip
app.add_typer(account_app, name="account")
Name = Annotated[str, typer.Argument(help="Name of the account; the audit log calls the person so.")]


@account_app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="What the person may see: a role, such as marketer.")],
    data: Data = None,
) -> None:
    """Make an account and print a link that signs in once, within 15 minutes. Hand it over in a private way.

    [bold]Examples[/bold]

      bojagi console account add minji --role marketer
      bojagi console account link minji
    """
    from agent_serving.console.page_table import ROLES

    if role not in ROLES:
        print_error(f"The console has no pages for the role {role}; it has some for {', '.join(ROLES)}.")
        raise typer.Exit(ExitCode.REFUSED)
    with _opened(data) as (installation, store):
        _print_link(installation, store.add(name, role))


@account_app.command()
def link(name: Name, data: Data = None) -> None:
    """Print a new link that signs in once, within 15 minutes."""
    with _opened(data) as (installation, store):
        _print_link(installation, store.named(name))


@account_app.command("list")
def list_accounts(as_json: Json = False, data: Data = None) -> None:
    """List the accounts, the newest first. Times are in UTC."""
    from pipelines.cli.grid import make_grid, open_console

    with _opened(data) as (_, store):
        found = store.all_accounts()
    rows = [
        {"name": one.name, "role": one.role, "state": "active" if one.is_active else "revoked",
         "created_at": one.created_at.isoformat()}
        for one in found
    ]  # fmt: skip
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        typer.echo("There are no accounts. Make one with `bojagi console account add`.")
        return
    table = make_grid("name", "role", "state", "created")
    for row in rows:
        table.add_row(row["name"], row["role"], row["state"], row["created_at"][:16].replace("T", " "))
    open_console().print(table)


@account_app.command()
def revoke(name: Name, data: Data = None) -> None:
    """Revoke an account and end its sessions."""
    from agent_serving.web.site import open_passes

    with _opened(data) as (installation, store):
        account = store.revoke(name)
        with closing(open_passes(installation)) as passes:
            passes.delete_of([account.id])
    typer.echo(f"The account {account.name} is revoked.")


@contextmanager
def _opened(data: Path | None) -> Iterator[tuple[Installation, StaffAccounts]]:
    from agent_serving.console.console import open_accounts

    with installation_for(data) as installation, closing(open_accounts(installation)) as store:
        yield installation, store


def _print_link(installation: Installation, account: StaffAccount) -> None:
    from agent_serving.console.sign_in_page import link_for

    typer.echo(link_for(installation, account))
    typer.echo(f"The link signs {account.name} in once, within 15 minutes.", err=True)
