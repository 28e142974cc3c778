"""Commands `bojagi dp`: answer questions with differential privacy, and show or set privacy budgets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.exit_code import of_error
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.release.statistics_service import StatisticsService
    from privacy.dp.ledger import Ledger
    from privacy.dp.question import Question

Role = Annotated[
    str,
    typer.Option("--role", help="Role in which you ask; it is logged as declared. Roles: privacy/access/role.yaml."),
]

app = typer.Typer(
    cls=ErrorBoundary,
    help="Differentially private statistics, under a budget that cannot be overspent.",
    no_args_is_help=True,
)


@app.command()
def query(
    spec: Annotated[
        Path | None, typer.Argument(help="A question in YAML.", show_default=False, exists=True, dir_okay=False)
    ] = None,
    sql: Annotated[
        str | None, typer.Option("--sql", help="A question in SQL, instead of a YAML file; see docs/dp.md.")
    ] = None,
    purpose: Annotated[
        str, typer.Option("--purpose", help="Purpose whose privacy budget is charged (with --sql).")
    ] = "analytics",
    rho: Annotated[float, typer.Option("--rho", help="ρ to spend (with --sql).")] = 0.1,
    keys: Annotated[
        list[str] | None,
        typer.Option("--keys", help="Public values of a column: sido=서울,부산 (with --sql); may be repeated."),
    ] = None,
    bounds: Annotated[
        str | None,
        typer.Option(
            "--bounds", help="How much of one customer counts: rows=40,groups=2,rows_per_group=20 (with --sql)."
        ),
    ] = None,
    show_preview: Annotated[
        bool, typer.Option("--preview", help="Show cost and expected error; read and spend nothing.")
    ] = False,
    role: Role = "analyst",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Answer one question. The same question costs no budget again on the same day (`repeat` in YAML: month, …)."""
    from pipelines.cli.dp_text import print_answer, print_preview
    from privacy.dp.errors import DpError
    from privacy.dp.noise_plan import NoisePlan
    from privacy.dp.preview import preview

    if spec is not None and sql is not None:
        raise typer.BadParameter("got both a YAML file and --sql; give only one of them")
    try:
        question = _sql_question(sql, purpose, rho, keys or [], bounds) if sql is not None else _question(spec)
        if show_preview:
            shown = preview(NoisePlan(question))
            if as_json:
                print(json.dumps(shown, indent=1))
            else:
                print_preview(shown)
            return
        with installation_for(data) as installation, _open_service(installation, role) as service:
            answer = service.answer(question)
            left = service.balances(question)
    except DpError as error:
        raise _refusal(error, as_json) from error
    if as_json:
        print(answer.model_dump_json(indent=1))
    else:
        print_answer(answer, left)


@app.command()
def suggest(
    dataset: Annotated[str, typer.Argument(help="Table, such as gold/order_history.")],
    measure: Annotated[str, typer.Option("--measure", help="Number column to find bounds for.")],
    purpose: Annotated[str, typer.Option("--purpose", help="Purpose whose privacy budget is charged.")] = "analytics",
    rho: Annotated[float, typer.Option("--rho", help="ρ to spend.")] = 0.02,
    share: Annotated[float, typer.Option("--share", help="Share of customers that the bounds contain.")] = 0.95,
    role: Role = "analyst",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Suggest bounds for a measure and for the rows per customer, from two noisy histograms that cost ρ together."""
    from privacy.dp.errors import DpError
    from privacy.dp.suggest import read_bounds_question

    form = {"dataset": dataset, "column": measure, "purpose": purpose, "rho": rho, "share": share}
    try:
        question = read_bounds_question(form)
        with installation_for(data) as installation, _open_service(installation, role) as service:
            found = service.suggest(question)
    except DpError as error:
        raise _refusal(error, as_json) from error
    if as_json:
        print(found.model_dump_json(indent=1))
        return
    print(f"measure: {{column: {measure}, lower: {_text(found.lower)}, upper: {_text(found.upper)}}}")
    print(f"bounds: {{rows: {_text(found.rows)}}}")
    print(found.sentence)


@app.command()
def budget(
    account: Annotated[
        str | None, typer.Argument(help="dataset|purpose|unit, such as gold/order_history|analytics|customer_id")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--set", help="A limit of the account: month=0.5 or ever=5:1e-6 (ρ, and δ after a colon)."),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show the remaining budget of every account, or set limits of one account. Verifies the whole ledger first.

    Every debit also counts against '*|*|customer_id': one person's budget over all data sets and purposes. Its limits
    are optional.

    [bold]Examples[/bold]

      bojagi dp budget
      bojagi dp budget 'gold/order_history|analytics|customer_id' --set month=1
      bojagi dp budget '*|*|customer_id' --set year=5:1e-5
    """
    from privacy.dp.errors import DpError

    try:
        with closing(installation_for(data).open_ledger()) as ledger:
            ledger.verify()
            rows = _budget_rows(ledger, account, limit or [])
    except DpError as error:
        raise _refusal(error, as_json) from error
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        print(
            f"{row['account']}  {row['period']}: ρ {row['rho_left']:g} of {row['rho_limit']:g} left, "
            f"δ {row['delta_left']:g} of {row['delta_limit']:g} left"
        )
    if not rows:
        print("No limits yet. Set one: bojagi dp budget 'gold/order_history|analytics|customer_id' --set month=1")


@app.command()
def report(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of declared statistics, such as order_by_month; all by default.")
    ] = None,
    role: Role = "analyst",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Answer the declared statistics questions and write each answer to its table in the layer release."""
    from pipelines.cli.dp_text import print_answer
    from pipelines.release.declaration import statistics_releases
    from pipelines.release.statistics import publish
    from privacy.dp.errors import DpError

    reports = {one.name: one for one in statistics_releases()}
    unknown = sorted(set(names or ()) - reports.keys())
    if unknown:
        raise typer.BadParameter(f"no declared statistics {', '.join(unknown)}; choose from {', '.join(reports)}")
    answers = {}
    try:
        with installation_for(data) as installation, _open_service(installation, role) as service:
            for name in names or reports:
                answers[name] = publish(reports[name], service)
                if not as_json:
                    print(f"{reports[name].title}  (release/{name})")
                    print_answer(answers[name], service.balances(reports[name].question))
    except DpError as error:
        raise _refusal(error, as_json) from error
    if as_json:
        answered = {name: answer.model_dump(mode="json") for name, answer in answers.items()}
        print(json.dumps(answered, ensure_ascii=False, indent=1))


@app.command()
def join(data: Data = None) -> None:
    """Connect this machine to the fleet's ledger and verify the whole ledger. Run it once per machine."""
    installation = installation_for(data)
    if not installation.has_shared_ledger:
        raise typer.BadParameter(
            "this machine uses a local ledger file; set `database`, or ledger_postgres_file, first"
        )
    with closing(installation.open_ledger(joins=True)) as ledger:
        ledger.verify()
        print(f"joined the ledger at entry {ledger.head().number}")


def _sql_question(sql: str, purpose: str, rho: float, keys: list[str], bounds: str | None) -> Question:
    from privacy.dp.release import read_question
    from privacy.dp.sql import parse_sql

    public = {name: values.split(",") for name, _, values in (text.partition("=") for text in keys)}
    form = parse_sql(sql, unit="customer_id", keys=public) | {"purpose": purpose, "rho": rho}
    if bounds is not None:
        form["bounds"] = {name: most for name, _, most in (text.partition("=") for text in bounds.split(","))}
    return read_question(form)


def _question(spec: Path | None) -> Question:
    import yaml

    from privacy.dp.release import read_question

    if spec is None:
        raise typer.BadParameter("give a question: a YAML file or --sql")
    try:
        form: Any = yaml.safe_load(spec.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{spec}: not a YAML file: {' '.join(str(error).split())}; correct it") from error
    if not isinstance(form, dict):
        raise typer.BadParameter(f"{spec}: expected the fields of a question; see docs/dp.md")
    return read_question(form)


@contextmanager
def _open_service(installation: Installation, role: str) -> Iterator[StatisticsService]:
    from pipelines.engine.session import open_engine
    from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
    from pipelines.release.statistics_service import StatisticsService

    settings = installation.settings
    with open_engine(settings) as engine:
        yield StatisticsService(
            installation=installation,
            lakehouse=SparkLakehouse(settings.lakehouse_root, engine.spark, settings.storage_options),
            consent=installation.consent_view,
            who=getuser(),
            role=role,
        )


def _budget_rows(ledger: Ledger, account: str | None, limits: list[str]) -> list[dict[str, Any]]:
    from privacy.clock import utc_now
    from privacy.dp.budget_account import BudgetAccount

    if limits and account is None:
        raise typer.BadParameter("give the account before --set, such as gold/order_history|analytics")
    parts = [] if account is None else account.split("|")
    if len(parts) not in (0, 2, 3):
        raise typer.BadParameter(
            f"{account!r}: expected dataset|purpose|unit, such as gold/order_history|analytics|customer_id"
        )
    now, accounts = utc_now(), [BudgetAccount(*parts)] if parts else ledger.accounts()
    for text in limits:
        ledger.set_limit(accounts[0], *_limit(text), now)
    return [
        {
            "account": str(one),
            "period": balance.period,
            "rho_limit": balance.limit.rho,
            "rho_left": balance.left.rho,
            "delta_limit": balance.limit.delta,
            "delta_left": balance.left.delta,
        }
        for one in accounts
        for balance in ledger.balances(one, now)
    ]


def _limit(text: str) -> tuple[Any, Any]:
    from privacy.dp.budget_account import PERIODS
    from privacy.dp.cost import cost_of_rho

    period, _, amount = text.partition("=")
    rho, _, delta = amount.partition(":")
    if period not in PERIODS:
        raise typer.BadParameter(
            f"{text!r}: expected PERIOD=ρ or PERIOD=ρ:δ, such as month=0.5; periods are {', '.join(PERIODS)}"
        )
    try:
        return period, cost_of_rho(float(rho), float(delta or 0))
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r}: expected numbers after the equals sign, such as month=0.5 or ever=5:1e-6"
        ) from error


def _text(number: float | None) -> str:
    return "too little data" if number is None else f"{number:g}"


def _refusal(error: Any, as_json: bool) -> typer.Exit:
    if as_json:
        print(json.dumps({"refused": type(error).__name__, "reason": error.public_details}, ensure_ascii=False))
    else:
        typer.echo(f"{type(error).__name__}: {error.public_details}", err=True)
    return typer.Exit(of_error(type(error)))
