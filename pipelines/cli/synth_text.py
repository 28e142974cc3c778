"""Prints what `bojagi synth` finds: cost of a fit, the fitted model, progress of sampling."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipelines.cli.grid import make_grid, open_console

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.release.declaration import SyntheticRelease
    from pipelines.release.synthetic import Published
    from pipelines.synthetic.judgement import Judgement
    from pipelines.synthetic.service import Fitted
    from privacy.synthetic.synthesizer import Progress as FitProgress
    from privacy.synthetic.verdict import Check

_SCORES = ("synthetic", "real hold-out", "independent columns")


def print_cost(cost: Mapping[str, Any], as_json: bool) -> None:
    """Print the cost of a fit, and what is left of the account."""
    if as_json:
        print(json.dumps(cost, ensure_ascii=False))
        return
    console = open_console(stderr=True)
    enough = math.ceil(cost["rho"] * 1000) / 1000
    console.print(f"Costs ρ={cost['rho']:.6g} of {cost['account']}: (ε, δ) = ({cost['epsilon']:g}, {cost['delta']:g}).")
    seconds, memory = cost["seconds"], cost["megabytes"] / 1024
    console.print(
        f"Takes about {seconds:,.0f} s of one processor and {memory:.1f} GiB; {cost['cells']:,} noisy counts."
    )
    if not cost["rho_left"]:
        console.print(f"The account has no limit. Set one: bojagi dp budget '{cost['account']}' --set ever={enough:g}")
    for period, left in cost["rho_left"].items():
        console.print(f"Left {'in all' if period == 'ever' else f'in {period}'}: ρ={left:.6g}.")


def print_fitted(name: str, fitted: Fitted, left: Mapping[str, float], as_json: bool) -> None:
    """Print the guarantee of a model, about how many rows it describes, and the next commands."""
    from privacy.synthetic.event.private_history import PrivateHistory

    guarantee, model = fitted.model.guarantee, fitted.model
    rows = round((model.people if isinstance(model, PrivateHistory) else model).model.total)
    if as_json:
        print(json.dumps({
            "model": name, "epsilon": guarantee.epsilon, "delta": guarantee.delta, "mu": guarantee.mu,
            "unit": guarantee.unit, "statement": guarantee.statement, "is_stored": fitted.is_stored,
            "rows": rows, "account": fitted.record.account, "debit": fitted.record.debit, "rho_left": dict(left),
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
    # Values that SPEC does not list leave out rows, which only this count shows.
    console.print(
        f"It describes about {rows:,} rows (a noisy count): those of people who are not held out, in which SPEC lists "
        "every value. If you expected more, compare SPEC with the file."
    )
    files = "--output people.csv --events events.csv" if isinstance(model, PrivateHistory) else "--output rows.csv"
    console.print(f"Next: bojagi synth report {name}, then bojagi synth sample {name} --rows 100000 {files}")


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


@contextmanager
def fit_progress(*, is_quiet: bool) -> Iterator[FitProgress]:
    """Yield a function that shows the stage of a fit on standard error."""
    console = open_console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield lambda stage, done: None
        return
    with console.status("Reading the rows …") as status:
        yield lambda stage, done: status.update(f"{done:.0%} {stage} …" if done else f"{stage} …")


def print_published(release: SyntheticRelease, made: Published, as_json: bool) -> None:
    """Print the tables, the guarantee and the checks of a release."""
    checks = made.judgement.gate.checks
    if as_json:
        print(json.dumps({
            "release": release.name, "rows": made.rows, "epsilon": made.fitted.model.guarantee.epsilon,
            "delta": made.fitted.model.guarantee.delta, "is_stored": made.fitted.is_stored,
            "debit": made.fitted.record.debit, "checks": [asdict(one) for one in checks], "rho_left": made.balances,
        }, ensure_ascii=False))  # fmt: skip
        return
    console = open_console()
    for table, rows in made.rows.items():
        console.print(f"{table}: {rows:,} rows")
    console.print(made.fitted.model.guarantee.statement)
    print_checks(checks)


def print_checks(checks: Sequence[Check]) -> None:
    """Print each check of the gate with what was found."""
    grid = make_grid("check", "result", "finding")
    for check in checks:
        grid.add_row(check.name, "passed" if check.is_passed else "[red]FAILED[/red]", escape(check.detail))
    open_console().print(grid)


@contextmanager
def stage_progress(*, is_quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows what is measured on standard error."""
    with fit_progress(is_quiet=is_quiet) as show:
        yield lambda stage: show(stage, 0.0)


def print_report(found: Judgement, page: Path | None, as_json: bool) -> None:
    """Print the scores between their references, the checks of the gate and its verdict."""
    if as_json:
        print(json.dumps({**found.report.to_json(), "page": None if page is None else str(page)}, ensure_ascii=False))
        return
    grid = make_grid("score", "synthetic", "real hold-out", "independent columns", numbers=_SCORES)
    for score in found.report.scores:
        if score.missing:
            grid.add_row(score.title, score.missing)
            continue
        figures = (score.synthetic, score.holdout, score.independent)
        grid.add_row(score.title, *("" if one is None else f"{one:.4g}" for one in figures))
    console = open_console()
    console.print(grid)
    print_checks(found.gate.checks)
    if found.report.guarantee is not None:
        console.print(found.report.guarantee.statement)
    console.print(f"The gate is {'open' if found.gate.is_open else '[red]closed[/red]'}.")
    if page is not None:
        console.print(f"Report: {page}")
