"""What `bojagi dp` shows to people: answers, previews and budgets as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pipelines.cli.grid import open_console

if TYPE_CHECKING:
    from privacy.dp.answer import Answer, Estimate


def print_answer(answer: Answer, left: Mapping[str, float]) -> None:
    """A row a group, a column a statistic; then what the margins mean, what it cost, and the ρ left by period."""
    console = open_console()
    if answer.estimates:
        console.print(_table(answer.estimates))
    else:
        console.print("No group is shared by enough customers to be shown.")
    console.print(answer.sentence)
    statement = answer.statement
    console.print(
        f"Privacy: ρ={statement['rho_zcdp']:g} (ε={statement['epsilon']:g} at δ={statement['delta']:g}), "
        f"{statement['unit']}. Asked again on the same data, it costs nothing."
    )
    told = [f"ρ {rho:g} {'in all' if period == 'ever' else f'in {period}'}" for period, rho in left.items()]
    console.print(f"Left: {', '.join(told)}.")


def print_preview(told: dict[str, Any]) -> None:
    """What a question would cost, and how far off its figures would be."""
    console = open_console()
    delta = f" and δ={told['delta']:g}" if told["delta"] else ""
    console.print(f"Would cost ρ={told['rho']:g}{delta}. Nothing was read and nothing was spent.")
    table = Table("figure of one group", "margin", title=f"Off by at most, in {told['confidence']:.0%} of releases")
    table.columns[1].justify = "right"
    for name, margin in told["margins"].items():
        table.add_row(name, f"± {margin:,.4g}")
    console.print(table)


def _table(estimates: Iterable[Estimate]) -> Table:
    rows: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for estimate in estimates:
        told = "too little data" if estimate.value is None else f"{estimate.value:,.6g} ± {estimate.margin:,.3g}"
        rows.setdefault(tuple(estimate.group.items()), {})[estimate.statistic] = told
    # Totals of a roll-up name fewer keys than its parts.
    keys = list(dict.fromkeys(name for group in rows for name, _ in group))
    statistics = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    table = Table(*keys)
    for name in statistics:
        table.add_column(name, justify="right")
    for group, figures in rows.items():
        named = dict(group)
        table.add_row(*(named.get(key, "all") for key in keys), *(figures.get(name, "") for name in statistics))
    return table
