"""Commands `bojagi search`: search what a branch offers, and keep the index equal to the content files."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from agent_serving.search.upkeep import UpkeepReport

app = typer.Typer(
    cls=ErrorBoundary,
    help="Search what a branch offers, and keep the index equal to the content files.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def find(
    query: Annotated[str, typer.Argument(help="What to look for; empty text lists documents.")],
    branch: Annotated[
        str | None, typer.Option("--branch", help="Code of a branch.", show_default="only what holds everywhere")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only this kind, such as product; repeat for several.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most this many.", min=1, max=1000)] = 10,
    brand: Annotated[str | None, typer.Option("--brand", help="Only this brand.")] = None,
    price_max: Annotated[int | None, typer.Option("--price-max", help="At most this price in won.", min=1)] = None,
    free_of: Annotated[
        list[str] | None, typer.Option("--free-of", help="Without this allergen, such as milk; repeat for several.")
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="Only what is valid on this day, such as 2017-12-31.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Search the products, shops, facilities, events, promotions, coupons, answers and places of a branch.

    [bold]Examples[/bold]

      bojagi search find "아이폰케이스" --branch gangnam
      bojagi search find "과자" --branch gangnam --kind product --price-max 5000 --free-of milk
      bojagi search find "" --branch gangnam --kind coupon --on 2017-12-31
    """
    from agent_serving.search.document import Kind
    from agent_serving.search.engine import Filters
    from agent_serving.search.opening import open_engine

    try:
        kinds = [Kind(one) for one in kind or ()]
        day = None if on is None else date.fromisoformat(on)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; kinds are {', '.join(Kind)}, days are written 2017-12-31.") from error
    filters = Filters(brand=brand, price_max=price_max, free_of=frozenset(free_of or ()), on=day)
    with installation_for(data) as installation:
        found = open_engine(installation).search(query, kinds, branch, limit, filters)
    if as_json:
        typer.echo(json.dumps([asdict(document) for document in found], ensure_ascii=False))
        return
    for document in found:
        facts = ", ".join(f"{name} {value}" for name, value in document.facts.items() if name != "name")
        typer.echo(f"{document.title}  [{document.id}]\n  {facts}")
    if not found:
        typer.echo("Nothing found.", err=True)


@app.command()
def update(
    retry: Annotated[bool, typer.Option("--retry", help="Also try the files that were given up.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Index the content files that have changed. `bojagi serve` does so by itself within two seconds."""
    from agent_serving.search.opening import open_upkeep

    with installation_for(data) as installation, open_upkeep(installation) as upkeep:
        if retry:
            upkeep.queue.retry(time.time())
        report = upkeep.run()
    _print(report, as_json=as_json)


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """Show how many files are indexed or wait, and which ones were given up and why."""
    from agent_serving.search.opening import open_upkeep

    with installation_for(data) as installation, open_upkeep(installation) as upkeep:
        dead, files = upkeep.queue.dead_letters(), len(upkeep.index.versions())
        found = {"files": files, "waiting": upkeep.queue.waiting(), "dead": [asdict(one) for one in dead]}
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(f"{found['files']} files indexed, {found['waiting']} waiting")
    for one in dead:
        typer.echo(f"given up after {one.attempts} attempts: {one.error}")


@app.command()
def places(as_json: Json = False, data: Data = None) -> None:
    """Find places near each branch in the folder `place_page`, check what the pages say, and index it.

    Dagster does so every Monday.
    """
    from agent_serving.search.opening import open_upkeep
    from pipelines.places import nearby
    from pipelines.places.page import FilePages

    with installation_for(data) as installation:
        settings = installation.settings
        found = nearby.branches(settings)
        pages = nearby.collect(found, FilePages(settings.place_page_dir))
        checked = nearby.check(pages, nearby.open_extractor(settings))
        reports = nearby.publish(settings, found, checked, installation.reference_date())
        with open_upkeep(installation) as upkeep:
            upkeep.run()
    if as_json:
        typer.echo(json.dumps([asdict(report) for report in reports], ensure_ascii=False))
        return
    for report in reports:
        kept = ", the former places stay" if report.is_kept else ""
        typer.echo(f"{report.branch}: {report.pages} pages, {report.claims} claims, {report.places} places{kept}")
        for fault in report.dropped:
            typer.echo(f"  left out: {fault}")


def _print(report: UpkeepReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
        return
    typer.echo(f"{report.indexed} files indexed ({report.documents:,} documents), {report.removed} removed")
    if report.waiting:
        typer.echo(f"{report.waiting} files wait for another attempt")
    for one in report.dead:
        typer.echo(f"given up after {one.attempts} attempts: {one.error}")
