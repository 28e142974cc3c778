"""Commands `bojagi insight score` and `evaluate`: scores of a customer with reasons, and the worth of the models."""

from __future__ import annotations

import json
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.option import Data, Json, installation_for
from pipelines.cli.report_file import write_report

if TYPE_CHECKING:
    from features.insight.model.card import ModelCard
    from features.insight.score.explanation import ExplainedScore


def score(
    customer: Annotated[str, typer.Option("--customer", help="Customer id.")],
    role: Annotated[str, typer.Option("--role", help="Role of the reader, such as agent; logged as declared.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What the scores are used for, such as personalisation.")],
    who: Annotated[
        str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    r"""Show the newest scores of a customer and the measures that raise or lower each one. The read is logged.

    Scores are shown only while the customer permits the purpose. `bojagi run` computes them.

    [bold]Example[/bold]

      bojagi insight score --customer c_27jthoumeij2ui2pfsxp263u4u --role agent --purpose personalisation
    """
    from features.insight.score.card_text import heading
    from features.insight.score.explanation import reason_text, value_text
    from features.insight.score.reading import read_scores
    from features.insight.score.score_row import INPUT
    from installation.contract.plain_name import read_plain_names

    with installation_for(data) as installation:
        found = read_scores(installation, customer, role, purpose, who or getuser())
        names, contract = read_plain_names(installation.settings.contract_dirs), installation.contracts.table(INPUT)
    if as_json:
        day = None if found.as_of is None else found.as_of.isoformat()
        scores = {str(one.target): _as_dict(one) for one in found.scores}
        typer.echo(json.dumps({"customer": customer, "purpose": purpose, "as_of": day, "scores": scores}))
        return
    if found.as_of is None:
        typer.echo(f"No scores: the customer has none, or does not permit {purpose}.", err=True)
        return
    typer.echo(f"{customer}, {found.as_of}")
    for one in found.scores:
        typer.echo(f"{heading(one.target)}: {one.text}  ({one.definition})")
        for reason in one.reasons:
            value = value_text(reason, contract)
            typer.echo(f"  {reason_text(reason, names, contract).en}: {'no value' if value is None else value}")


def evaluate(
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML file to write, with the calibration charts.", dir_okay=False)
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the worth of the newest models (out of time, against a baseline, calibration) and the effect of campaigns.

    The effect of a campaign is "identified" or "not identified": the same estimate before the campaign (placebo) shows
    whether the data can tell. No figure is of a single customer, so no consent is asked.

    [bold]Example[/bold]

      bojagi insight evaluate --report models.html
    """
    from rich.markup import escape

    from features.insight.event import campaign_effect as effect
    from features.insight.model.card import ModelCard
    from features.insight.score.card_text import HEADINGS, card_sentences, heading, metric_rows, newest_cards
    from features.insight.score.model_table import FEWEST_CUSTOMERS, TABLE
    from features.insight.score.report_page import render_page, render_table
    from pipelines.cli.grid import make_grid, open_console
    from pipelines.cli.read_output import require_free

    if report is not None:
        require_free(report, force=True)
    with installation_for(data) as installation:
        rows = installation.lakehouse.rows(TABLE, ["card"]).to_pylist()
        effects = effect.read_effects(installation.lakehouse)
    cards = newest_cards(ModelCard.from_json(row["card"]) for row in rows)
    if report is not None:
        told = render_table(effect.HEADINGS, effect.effect_rows(effects)) if effects else f"<p>{effect.NONE_JUDGED}</p>"
        section = f"<p>{effect.EXPLANATION}</p>{told}"
        write_report(report, render_page(cards, {"Effect of campaigns": section}))
    if as_json:
        found = {"models": [_card(card) for card in cards], "campaigns": [one.to_json() for one in effects]}
        typer.echo(json.dumps(found))
    if as_json or report is not None:
        return
    console = open_console()
    for card in cards:
        console.print(f"[bold]{heading(card.target)}[/bold]")
        for line in card_sentences(card):
            console.print(f"  {line}", markup=False)
        grid = make_grid(*HEADINGS)
        for row in metric_rows(card):
            grid.add_row(*row)
        console.print(grid)
    if not cards:
        typer.echo(
            f"No model was fitted: no horizon has ended, or fewer than {FEWEST_CUSTOMERS} customers permit it.",
            err=True,
        )
    if not effects:
        typer.echo(effect.NONE_JUDGED, err=True)
        return
    console.print(f"[bold]Effect of campaigns[/bold]\n  {effect.EXPLANATION}")
    grid = make_grid(*effect.HEADINGS, numbers=effect.HEADINGS[2:4])
    for cells in effect.effect_rows(effects):
        grid.add_row(*(escape(cell) for cell in cells))
    console.print(grid)


def _as_dict(one: ExplainedScore) -> dict[str, Any]:
    reasons = [{"measure": r.feature, "value": r.value, "effect": r.effect} for r in one.reasons]
    return {"value": one.value, "definition": one.definition, "fitted_on": one.fitted_on, "reasons": reasons}


def _card(card: ModelCard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(card.to_json())
    return found
