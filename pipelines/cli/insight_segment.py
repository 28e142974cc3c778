"""Commands `bojagi insight segments` and `personas`: the segments with their stability, and their cards."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.option import Data, Json, installation_for
from pipelines.cli.report_file import write_report

SHOWN_TRAITS = 3


def segments(as_json: Json = False, data: Data = None) -> None:
    """List the segments of the newest run: name, size, what distinguishes them, stability, and moves between them.

    Every figure is of at least 10 customers, so no consent is asked. `bojagi run` computes them.

    [bold]Example[/bold]

      bojagi insight segments
    """
    from features.insight.segment.reading import read_segmentation
    from features.insight.segment.wording import share_text, stability_text, traits_text
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        found = read_segmentation(installation.lakehouse)
    if as_json:
        fields = ("segment_id", "name", "name_ko", "customer_count", "customer_share", "moved_in")
        shown = [{name: getattr(card, name) for name in fields} for card in found.cards]
        typer.echo(json.dumps(asdict(found) | {"cards": shown}, default=str, ensure_ascii=False))
        return
    table = make_grid("segment", "name", "customers", "share", "traits", numbers=("customers", "share"))
    for card in found.cards:
        size, share = f"{card.customer_count:,}", share_text(card.customer_share)
        table.add_row(card.segment_id, card.name, size, share, traits_text(card, SHOWN_TRAITS))
    open_console().print(table)
    typer.echo(f"\n{found.as_of}. {stability_text(found)}")
    for card in found.cards:
        for origin, count in sorted(card.moved_in.items()):
            typer.echo(f"At least {count:,} customers moved from {origin} to {card.segment_id} in the last 28 days.")


def personas(
    segment: Annotated[str | None, typer.Option("--segment", help="Only this segment, such as s1.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="HTML file to write, with charts.", dir_okay=False)
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the card of each segment: traits with intervals, categories, price band, channels, week and changes.

    [bold]Examples[/bold]

      bojagi insight personas --segment s1
      bojagi insight personas --report personas.html
    """
    from features.insight.segment.persona_page import render_page
    from features.insight.segment.reading import read_segmentation
    from pipelines.cli.read_output import require_free

    if report is not None:
        require_free(report, force=True)
    with installation_for(data) as installation:
        found = read_segmentation(installation.lakehouse)
    cards = [card for card in found.cards if segment in (None, card.segment_id)]
    if not cards:
        known = ", ".join(card.segment_id for card in found.cards)
        raise typer.BadParameter(f"there is no segment {segment}; there are {known}", param_hint="--segment")
    if report is not None:
        write_report(report, render_page(found, cards))
    if as_json:
        typer.echo(json.dumps([asdict(card) for card in cards], default=str, ensure_ascii=False))
    if as_json or report is not None:
        return
    from features.insight.segment.wording import card_lines

    for card in cards:
        typer.echo("\n".join(card_lines(card)))
