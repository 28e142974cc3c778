"""Prints what `bojagi synth` finds: cost of a fit, the fitted model, progress of sampling."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipelines.cli.grid import open_console

if TYPE_CHECKING:
    from pipelines.synthetic.service import Fitted


def print_cost(cost: Mapping[str, Any], as_json: bool) -> None:
    """Print the cost of a fit, and what is left of the account."""
    if as_json:
        print(json.dumps(cost, ensure_ascii=False))
        return
    console = open_console(stderr=True)
    enough = math.ceil(cost["rho"] * 1000) / 1000
    console.print(f"Costs ρ={cost['rho']:.6g} of {cost['account']}: (ε, δ) = ({cost['epsilon']:g}, {cost['delta']:g}).")
    if not cost["left"]:
        console.print(f"The account has no limit. Set one: bojagi dp budget '{cost['account']}' --set ever={enough:g}")
    for period, left in cost["left"].items():
        console.print(f"Left {'in all' if period == 'ever' else f'in {period}'}: ρ={left:.6g}.")


def print_fitted(name: str, fitted: Fitted, left: Mapping[str, float], as_json: bool) -> None:
    """Print the guarantee of a model, and the next commands."""
    guarantee = fitted.model.guarantee
    if as_json:
        print(json.dumps({
            "model": name, "epsilon": guarantee.epsilon, "delta": guarantee.delta, "mu": guarantee.mu,
            "unit": guarantee.unit, "statement": guarantee.statement, "is_stored": fitted.is_stored,
            "account": fitted.record.account, "debit": fitted.record.debit, "rho_left": dict(left),
        }, ensure_ascii=False))  # fmt: skip
        return
    console = open_console()
    done = (
        "The stored model was returned and cost nothing"
        if fitted.is_stored
        else f"Fitted {name}, paid by entry {fitted.record.debit} of the privacy ledger"
    )
    console.print(f"{done}.")
    console.print(guarantee.statement)
    console.print(f"Next: bojagi synth report {name}, then bojagi synth sample {name} --rows 100000 --output rows.csv")


@contextmanager
def row_progress(rows: int | None, *, is_quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function that advances a bar on standard error by a number of rows."""
    console = open_console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("Drawing rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("rows", total=rows)
        yield lambda count: progress.advance(task, count)
