"""Prints answers and previews of `bojagi dp` as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from pipelines.cli.grid import open_console

if TYPE_CHECKING:
    from privacy.dp.answer import Answer, Estimate


def print_answer(answer: Answer, left: Mapping[str, float]) -> None:
    """Print one row per group and one column per statistic, then the explanation, the cost and the ρ left."""
    console = open_console()
    if answer.estimates:
        console.print(_table(answer.estimates))
    else:
        console.print("No group has enough customers to be shown.")
    console.print(answer.sentence)
    statement = answer.statement
    console.print(
        f"Privacy: ρ={statement['rho_zcdp']:g} (ε={statement['epsilon']:g} at δ={statement['delta']:g}), "
        f"{statement['unit']}. The same question costs nothing again in its period."
    )
    parts = [f"ρ {rho:g} {'in all' if period == 'ever' else f'in {period}'}" for period, rho in left.items()]
    console.print(f"Left: {', '.join(parts)}.")


def print_preview(shown: dict[str, Any]) -> None:
    """Print the cost of a question and the expected margins of its statistics."""
    console = open_console()
    delta = f" and δ={shown['delta']:g}" if shown["delta"] else ""
    console.print(f"Would cost ρ={shown['rho']:g}{delta}. Nothing was read and nothing was spent.")
    table = Table("statistic of one group", "margin", title=f"Error at most, in {shown['confidence']:.0%} of releases")
    table.columns[1].justify = "right"
    for name, margin in shown["margins"].items():
        table.add_row(name, f"± {margin:,.4g}")
    console.print(table)


def _table(estimates: Iterable[Estimate]) -> Table:
    rows: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for estimate in estimates:
        text = "too little data" if estimate.value is None else f"{estimate.value:,.6g} ± {estimate.margin:,.3g}"
        rows.setdefault(tuple(estimate.group.items()), {})[estimate.statistic] = text
    # Totals of a roll-up name fewer keys than its parts.
    keys = list(dict.fromkeys(name for group in rows for name, _ in group))
    statistics = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    table = Table(*keys)
    for name in statistics:
        table.add_column(name, justify="right")
    for group, figures in rows.items():
        named = dict(group)
        table.add_row(
            *(escape(str(named.get(key, "all"))) for key in keys), *(figures.get(name, "") for name in statistics)
        )
    return table
