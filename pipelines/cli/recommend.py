"""Commands `bojagi recommend`: fit, evaluate and explain."""

from __future__ import annotations

import json
from dataclasses import asdict
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Engine, Json, installation_for

app = typer.Typer(
    cls=ErrorBoundary,
    help="Recommend items: fit the recommender, see what it is worth, and why an item is on a list.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def fit(engine: Engine = None, data: Data = None, as_json: Json = False) -> None:
    """Fit a recommender if one is due, and compute the candidates of each customer anew.

    One is due when there is none, or the newest is 28 days old. `bojagi run` does the same for all tables. Each fit is
    a version, such as hybrid/3; an experiment or a rollout can compare it with the former one.

    [bold]Example[/bold]

      bojagi recommend fit
    """
    from features.recommend.card_text import NONE_FITTED, card_sentences, newest_first
    from features.recommend.form import CANDIDATE, ITEM, MODEL
    from features.recommend.table import OLDEST_DAYS
    from pipelines.cli.run import run

    wanted = " or ".join(f'key:"{name}"' for name in (MODEL, ITEM, CANDIDATE, CANDIDATE.replace("gold", "online")))
    try:
        run(engine=engine, data=data, seed=None, scale=None, select=wanted, as_json=as_json)
    except typer.Exit as ended:
        if ended.exit_code or as_json:
            raise
    with installation_for(data) as installation:
        known = installation.lakehouse.exists(MODEL)
        cards = newest_first(installation.lakehouse.rows(MODEL, ["card"])["card"].to_pylist()) if known else []
    if not cards:
        typer.echo(NONE_FITTED, err=True)
        return
    typer.echo(f"{cards[0].version}, the next one in {OLDEST_DAYS} days after {cards[0].fitted_on}")
    for line in card_sentences(cards[0]):
        typer.echo(f"  {line}")


@app.command()
def evaluate(
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML file to write, with the chart of objectives.", dir_okay=False)
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show what each version is worth on days that it was not fitted on, and what each objective costs.

    No figure is of a single customer, so no consent is asked.

    [bold]Example[/bold]

      bojagi recommend evaluate --report recommendation.html
    """
    from features.recommend import card_text
    from features.recommend.form import MODEL
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.cli.read_output import require_free
    from pipelines.cli.report_file import write_report

    if report is not None:
        require_free(report, force=True)
    with installation_for(data) as installation:
        known = installation.lakehouse.exists(MODEL)
        texts = installation.lakehouse.rows(MODEL, ["card"])["card"].to_pylist() if known else []
    cards = card_text.newest_first(texts)
    if report is not None:
        write_report(report, card_text.render_page(cards))
    if as_json:
        typer.echo(json.dumps([json.loads(card.to_json()) for card in cards]))
    if as_json or report is not None:
        return
    console = open_console()
    for card in cards:
        console.print(f"[bold]{card.version}[/bold]")
        for line in card_text.card_sentences(card):
            console.print(f"  {line}", markup=False)
        for headings, rows in (
            (card_text.QUALITY, card_text.quality_rows(card)),
            (card_text.FRONTIER, card_text.frontier_rows(card)),
        ):
            grid = make_grid(*headings, numbers=headings[1:])
            for row in rows:
                grid.add_row(*row)
            console.print(grid)
    if not cards:
        typer.echo(card_text.NONE_FITTED, err=True)


@app.command()
def explain(
    customer: Annotated[str, typer.Option("--customer", help="Customer id.")],
    role: Annotated[str, typer.Option("--role", help="Role of the reader, such as agent; logged as declared.")],
    objective: Annotated[str, typer.Option("--objective", help="A declared objective.")] = "relevance",
    count: Annotated[int, typer.Option("--count", help="Most items.", min=1, max=40)] = 10,
    who: Annotated[
        str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    r"""Show the list that a customer would get now, with the reasons for each item. The read is logged.

    A customer who does not permit personalisation gets the list for everybody. No decision of a policy is recorded.

    [bold]Example[/bold]

      bojagi recommend explain --customer c_27jthoumeij2ui2pfsxp263u4u --role agent --objective thrifty
    """
    from features.recommend.reason import REASONS
    from features.recommend.service import Recommendations, Wanted
    from features.retrieval.answer import Caller
    from features.retrieval.reader import FeatureReader
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation, FeatureReader.open(installation) as features:
        service = Recommendations(installation, features)
        try:
            found = service.explain(Wanted(customer, count, objective), Caller(who or getuser(), role))
        finally:
            service.close()
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    why = "of the customer's purchases" if found.is_personal else f"for everybody ({found.not_personal})"
    typer.echo(f"{found.version}, objective {found.objective}, {found.context.replace('_', ' ')}: {why}")
    grid = make_grid("item", "type", "price, USD", "new", "because", numbers=("price, USD",))
    for item in found.items:
        price = "–" if item.price is None else f"{item.price:.2f}"
        new = {True: "yes", False: "no", None: "–"}[item.is_new]
        because = ", ".join(REASONS[name] for name in item.reasons)
        grid.add_row(item.item, item.product_type or "–", price, new, because)
    open_console().print(grid)
