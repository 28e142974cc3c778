"""Commands `bojagi database`: the PostgreSQL database in which several machines keep their stores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from privacy.storage.postgres import PostgresServer

app = typer.Typer(
    cls=ErrorBoundary,
    help="The PostgreSQL database of the setting `database`, in which several machines keep their stores.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """Show the database, the version of its tables, how often each store was changed, and the machines.

    [bold]Examples[/bold]

      bojagi database status
      bojagi database status --json | jq .stores
    """
    from installation.database import HEAD, store_versions, version_of
    from installation.machine import machines

    with installation_for(data) as installation:
        server = _server(installation)
        found = version_of(server.conninfo)
        stores = store_versions(server.conninfo) if found == HEAD else {}
        places = machines(server) if found == HEAD else {}
        shown = {
            "database": server.name, "tables": found, "expected": HEAD, "stores": stores, "machines": places,
        }  # fmt: skip
    if as_json:
        print(json.dumps(shown, indent=1))
        return
    print(f"{shown['database']}: tables of version {found or 'none'}; this program needs {HEAD}")
    for store, version in stores.items():
        print(f"  {store:<12} {version:>8,} changes")
    for machine, place in places.items():
        print(f"  machine {machine}  {place}")


@app.command()
def upgrade(data: Data = None) -> None:
    """Bring the tables of the database to the version of this program. Stop the other machines before.

    An empty database gets its tables at the first use of any command.
    """
    from installation.database import migrate

    with installation_for(data) as installation:
        server = _server(installation)
        print(f"{server.name}: tables of version {migrate(server.conninfo)}")


@app.command("import")
def import_command(as_json: Json = False, data: Data = None) -> None:
    """Copy the stores of this machine from their files into the database. Run it once, before anything else uses it.

    Stores that the database has already are left as they are. The files stay: keep them until `bojagi audit verify`
    holds, then move them out of the data folder.
    """
    from installation.store_import import import_files

    with installation_for(data) as installation:
        counts = import_files(installation)
    if as_json:
        print(json.dumps(counts, indent=1))
        return
    for store, rows in counts.items():
        print(f"  {store:<12} {rows:>8,} rows")
    print("Nothing to import." if not counts else "Imported. Now run `bojagi audit verify`, then archive the files.")


@app.command()
def join(as_json: Json = False, data: Data = None) -> None:
    """Add this machine to the database: accept every store as it is now. Run it once on each further machine.

    Copy the secrets of the first machine before, without its files *.anchor.
    """
    from installation.store_import import join as join_database

    with installation_for(data) as installation:
        states = join_database(installation)
    if as_json:
        print(json.dumps(states, indent=1))
        return
    for store, state in states.items():
        print(f"  {store:<12} {state}")
    print("This machine has joined.")


@app.command()
def forget(
    machine: Annotated[str, typer.Argument(help="Id of the machine; `bojagi database status` shows it.")],
    data: Data = None,
) -> None:
    """Remove a machine whose data folder was deleted. Erasures wait for every machine that is not removed."""
    from installation.machine import forget as forget_machine

    with installation_for(data) as installation:
        forget_machine(_server(installation), machine)
    print(f"Erasures no longer wait for {machine}.")


def _server(installation: Installation) -> PostgresServer:
    if installation.server is None:
        raise typer.BadParameter('no database is set; set database = "postgresql://user@host:5432/name" first')
    return installation.server
