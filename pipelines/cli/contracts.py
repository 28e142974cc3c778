"""Command group `bojagi contracts`: checks contracts, prints their data map, drafts contracts, migrates tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.contracts_migrate import migrate
from pipelines.cli.error_boundary import ErrorBoundary

if TYPE_CHECKING:
    from pipelines.contracts.check import CheckResult

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--contracts",
        help="Folder of contracts to use instead of the built-in and configured ones. May be repeated.",
    ),
]

app = typer.Typer(
    cls=ErrorBoundary,
    help="Check contracts, print their data map, draft a contract from a file, or migrate tables to changed contracts.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

app.command("migrate")(migrate)


@app.command()
def check(
    as_json: Json = False,
    contracts: Folders = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print the data map.")] = False,
) -> None:
    """Check all contracts (structure, vocabulary, rules, references), then print the data map.

    The exit code is 1 when a contract has a fault. Columns with an unconfirmed guess of `init` are listed; they are
    not faults.
    """
    from pipelines.contracts.check import check_contracts

    result = check_contracts(_folders(contracts))
    if as_json:
        print(json.dumps(_as_json(result), ensure_ascii=False, indent=1, default=str))
    else:
        _print_result(result, quiet=quiet)
    if result.faults:
        raise typer.Exit(1)


@app.command("map")
def show_map(
    tables: Annotated[
        list[str] | None,
        typer.Argument(help="Tables to print in full, such as bronze/crm_customer.", show_default="an overview"),
    ] = None,
    as_json: Json = False,
    contracts: Folders = None,
) -> None:
    """Print the data map: one line a table, or of named tables each column's category, identifier role and purposes.

    [bold]Examples[/bold]

      bojagi contracts map                              one line a table
      bojagi contracts map gold/customer_demographic    its columns; * marks the subject key
      bojagi contracts map --json                       everything, for other programs
    """
    from pipelines.cli.grid import open_console
    from pipelines.contracts.data_map import render_overview, render_table, summarise
    from privacy.catalog import read_catalog

    catalog = read_catalog(_folders(contracts))
    wanted = [entry for table in tables or catalog.tables for entry in catalog.columns(table)]
    if as_json:
        rows = [row for row in catalog.as_rows() if row["table"] in {entry.table for entry in wanted}]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    console = open_console()
    for table in tables or ():
        console.print(render_table(catalog, table))
    if not tables:
        console.print(render_overview(catalog))
        console.print(f"{summarise(catalog)}. Its columns: bojagi contracts map TABLE")


@app.command()
def vocabulary() -> None:
    """Print the custom properties of contracts and their allowed terms, as Markdown."""
    from pipelines.contracts.vocabulary_page import render_vocabulary

    print(render_vocabulary(), end="")


@app.command()
def init(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|ADDRESS", help="CSV, JSON, Parquet or Excel file of the new source, or address of a database."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder, or file with a suffix, to write to.", show_default="standard output"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the new source.", show_default="the file's or table's name")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", help="Table or view of the database, such as sales.sale_line.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--server", help="Entry of source_credentials in the settings.", show_default="the database"),
    ] = None,
) -> None:
    """Draft a contract from a file or a database table. Guesses and doubts are marked as such.

    [bold]Examples[/bold]

      bojagi contracts init export.csv --out data/contracts
      bojagi contracts init postgresql://reader@db.example:5432/shop --table sales.sale_line
    """
    from installation.reference_date import reference_date
    from installation.settings import load_settings
    from pipelines.contracts.contract_draft import list_all_doubts
    from pipelines.contracts.draft import draft_contract
    from pipelines.contracts.draft_yaml import render_draft
    from pipelines.ingest.load_option import LoadOptions

    settings = load_settings()
    options = LoadOptions.of(settings, reference_date(settings, datetime.now(UTC)))
    if "://" in source:
        from installation.source_credential import SourceCredential
        from pipelines.contracts.database_draft import draft_table, read_address

        origin, user = read_address(source, table, server)
        credential = options.credentials.get(origin.server) or SourceCredential(user=user)
        drafted, text = draft_table(origin, credential, name, options)
    else:
        drafted = draft_contract(Path(source), name, options)
        text = render_draft(drafted)
    if out is None:
        print(text, end="")
        return
    # Contracts are read only from files with a suffix, so a new name without one is a folder.
    is_folder = out.is_dir() or not (out.exists() or out.suffix)
    target = out / f"source_{drafted.name}.odcs.yaml" if is_folder else out
    if target.exists():
        raise typer.BadParameter(f"{target} already exists. Remove it or give another --out.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    doubts = len(list_all_doubts(drafted))
    asked = f" Doubts listed: {doubts}; answer them first." if doubts else ""
    print(f"Wrote {target} with {len(drafted.columns)} columns. Comments mark every guess.{asked}")
    print(f"Next: correct the guesses, then run bojagi contracts check --contracts {target.parent}")


def _folders(given: list[Path] | None) -> tuple[Path, ...]:
    from installation.settings import load_settings

    return tuple(given) if given else load_settings().contract_dirs


def _as_json(result: CheckResult) -> dict[str, object]:
    from privacy.catalog import build_catalog

    is_sound = not result.faults
    return {
        "contracts": len(result.documents),
        "faults": [fault.as_dict() for fault in result.faults],
        "guesses": [{"path": g.path, "line": g.line, "column": g.column} for g in result.guesses],
        "data_map": build_catalog(result.documents.values()).as_rows() if is_sound else None,
    }


def _print_result(result: CheckResult, *, quiet: bool) -> None:
    from pipelines.cli.grid import open_console
    from pipelines.contracts.data_map import render_faults, render_overview, summarise
    from privacy.catalog import build_catalog

    console = open_console()
    if result.faults:
        console.print(render_faults(result.faults), end="", soft_wrap=True)
        count = len(result.faults)
        console.print(f"{count} fault{'' if count == 1 else 's'} found; no data map. Correct them and check again.")
        return
    catalog = build_catalog(result.documents.values())
    if not quiet:
        console.print(render_overview(catalog))
    for guess in result.guesses:
        hint = "confirm or correct it, then remove `guess: true`"
        console.print(f"{guess.path}:{guess.line}: {guess.column} is still a guess; {hint}", soft_wrap=True)
    console.print(f"{len(result.documents)} contracts, no faults. {summarise(catalog)}.", soft_wrap=True)
