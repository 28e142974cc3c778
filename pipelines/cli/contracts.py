"""`bojagi contracts`: check the contracts, show their data map, draft a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary

if TYPE_CHECKING:
    from pipelines.contracts.check import CheckResult

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--contracts",
        help="A folder of contracts; may be repeated. Instead of the built-in and configured ones.",
    ),
]

app = typer.Typer(
    cls=ErrorBoundary,
    help="Check the contracts, show the data map that they declare, or draft a contract from a file.",
    no_args_is_help=True,
)


@app.command()
def check(
    as_json: Json = False,
    contracts: Folders = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print faults only, no data map.")] = False,
) -> None:
    """Check every contract: structure, vocabulary, rules and references; then print the data map.

    Exit code 1 when there is a fault. Guesses that `init` left are listed, but are no faults.
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
        list[str] | None, typer.Argument(help="Tables such as bronze/crm_customer.", show_default="all")
    ] = None,
    as_json: Json = False,
    contracts: Folders = None,
) -> None:
    """Print the data map: table, column, category, purpose, legal basis, retention, recipients."""
    from pipelines.cli.grid import open_console
    from pipelines.contracts.data_map import render_data_map, summarise
    from privacy.catalog import read_catalog

    catalog = read_catalog(_folders(contracts))
    wanted = [entry for table in tables or catalog.tables for entry in catalog.columns(table)]
    if as_json:
        rows = [row for row in catalog.as_rows() if row["table"] in {entry.table for entry in wanted}]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    console = open_console()
    console.print(render_data_map(catalog, tables or None))
    console.print(summarise(catalog))


@app.command()
def vocabulary() -> None:
    """Print Bojagi's vocabulary of custom properties and their terms, as Markdown."""
    from pipelines.contracts.vocabulary_page import render_vocabulary

    print(render_vocabulary(), end="")


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="A CSV, JSON Lines or Parquet file of the new source.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write it, a file or a folder.", show_default="print it"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the source.", show_default="from the file's name")
    ] = None,
) -> None:
    """Draft a contract from a file: types, bounds and likely identifiers, guessed and marked as guesses."""
    from pipelines.contracts.draft import draft_contract
    from pipelines.contracts.draft_text import render_draft

    drafted = draft_contract(file, name)
    text = render_draft(drafted)
    if out is None:
        print(text, end="")
        return
    target = out / f"source_{drafted.name}.odcs.yaml" if out.is_dir() else out
    if target.exists():
        raise typer.BadParameter(f"{target} exists; remove it or choose another --out")
    target.write_text(text, encoding="utf-8")
    print(f"Drafted {target} with {len(drafted.columns)} columns; every guess in it is marked.")
    print(f"Next: look at each guess, then run bojagi contracts check --contracts {target.parent}")


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
    from pipelines.contracts.data_map import render_data_map, render_faults, summarise
    from privacy.catalog import build_catalog

    console = open_console()
    if result.faults:
        console.print(render_faults(result.faults), end="", soft_wrap=True)
        console.print(f"{len(result.faults)} faults in {len(result.documents)} contracts; no data map.")
        return
    catalog = build_catalog(result.documents.values())
    if not quiet:
        console.print(render_data_map(catalog))
    for guess in result.guesses:
        console.print(f"{guess.path}:{guess.line}: {guess.column} is still a guess", soft_wrap=True)
    console.print(f"{len(result.documents)} contracts, no fault. {summarise(catalog)}.", soft_wrap=True)
