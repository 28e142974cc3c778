"""The commands `bojagi recommend` on a data folder with two versions and one customer who permits it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from features.recommend import table
from features.recommend.card import RecommenderCard, fit_with_card
from features.recommend.card_text import NONE_FITTED
from features.recommend.form import CANDIDATE, ITEM, MODEL
from features.recommend.objective import Objective
from features.recommend.recommender import Recommender
from installation.contract.document import load_contracts
from installation.settings import load_settings
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from pipelines.defs.build import build_definitions
from tests.features.recommend.habits import LAST, catalogue, habits
from tests.features.recommend.recommend_shop import NEWEST, PERMITS, SILENT, RecommendShop
from tests.features.retrieval.feature_shop import ZONE
from tests.pipelines.dagster_market import installation_of


@pytest.fixture(scope="module")
def fitted() -> tuple[Recommender, RecommenderCard]:
    objectives = {"relevance": Objective(), "thrifty": Objective(price=1.0)}
    return fit_with_card(habits(), catalogue(), LAST, 1, objectives)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RecommendShop]:
    with closing(RecommendShop(tmp_path / "data")) as opened:
        opened.moment = datetime.now(ZONE).replace(tzinfo=None)
        opened.candidates([PERMITS], at=opened.moment)
        yield opened


def keep(shop: RecommendShop, fitted: tuple[Recommender, RecommenderCard]) -> None:
    """Store two versions of a recommender."""
    row = table.model_row(*fitted)
    rows = [row | {"version": f"hybrid/{n}", "number": n, "card": row["card"].replace("hybrid/1", f"hybrid/{n}"),
                   "fitted_on": LAST + timedelta(days=28 * (n - 1))} for n in (1, 2)]  # fmt: skip
    schema = load_contracts().table(MODEL).arrow_schema()
    shop.installation.lakehouse.overwrite_rows(MODEL, pa.Table.from_pylist(rows, schema))


def invoke(shop: RecommendShop, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["recommend", *arguments, "--data", str(shop.installation.settings.data_dir)])


def test_a_fit_runs_the_tables_of_recommendation_and_tells_the_newest_card(
    shop: RecommendShop, fitted: tuple[Recommender, RecommenderCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run(select: str, **_: Any) -> None:
        asked.append(select)
        keep(shop, fitted)
        raise typer.Exit(0)

    monkeypatch.setattr("pipelines.cli.run.run", run)
    done = invoke(shop, "fit")
    assert done.exit_code == ExitCode.OK, done.output
    assert done.stdout.startswith("hybrid/2, the next one in 28 days after ")
    assert "about 120 customers who permit it" in done.stdout
    one = installation_of(load_settings(data_dir=shop.installation.settings.data_dir))
    graph = build_definitions(one).resolve_asset_graph()
    keys = {"/".join(key.path) for key in dg.AssetSelection.from_string(asked[0]).resolve(graph)}
    assert keys == {MODEL, ITEM, CANDIDATE, "online/customer_recommendation"}


@pytest.mark.parametrize(("code", "expected"), [(0, ExitCode.OK), (ExitCode.FAILED, ExitCode.FAILED)])
def test_a_fit_says_why_there_is_none_and_keeps_the_exit_code_of_the_run(
    shop: RecommendShop, monkeypatch: pytest.MonkeyPatch, code: int, expected: ExitCode
) -> None:
    def run(**_: Any) -> None:
        raise typer.Exit(code)

    monkeypatch.setattr("pipelines.cli.run.run", run)
    done = invoke(shop, "fit")
    assert (done.exit_code, done.stdout) == (expected, "")
    assert (NONE_FITTED in done.stderr) is (code == 0)


def test_an_evaluation_tells_quality_and_frontier_of_each_version(
    shop: RecommendShop, fitted: tuple[Recommender, RecommenderCard], tmp_path: Path
) -> None:
    keep(shop, fitted)
    text = invoke(shop, "evaluate").stdout
    assert text.index("hybrid/2") < text.index("hybrid/1")
    assert "personal frequency" in text
    assert "thrifty" in text
    cards = json.loads(invoke(shop, "evaluate", "--json").stdout)
    assert [card["version"] for card in cards] == ["hybrid/2", "hybrid/1"]
    page = tmp_path / "recommendation.html"
    done = invoke(shop, "evaluate", "--report", str(page))
    assert (done.exit_code, done.stdout, done.stderr) == (ExitCode.OK, "", f"Wrote {page}\n")
    html = page.read_text("utf-8")
    assert html.count("<h2>") == html.count("<svg") == 2
    assert not [one for one in ("src=", "href=", "url(", "@import", "<script", "<link") if one in html]
    assert html.count("http") == html.count('xmlns="http://www.w3.org/2000/svg"')


def test_an_evaluation_without_a_version_says_what_to_do(shop: RecommendShop, tmp_path: Path) -> None:
    done = invoke(shop, "evaluate")
    assert (done.exit_code, done.stdout, done.stderr) == (ExitCode.OK, "", f"{NONE_FITTED}\n")
    assert json.loads(invoke(shop, "evaluate", "--json").stdout) == []
    done = invoke(shop, "evaluate", "--report", str(tmp_path / "none" / "page.html"))
    assert done.exit_code == ExitCode.USAGE


def test_an_explanation_tells_each_item_and_why(shop: RecommendShop) -> None:
    done = invoke(shop, "explain", "--customer", PERMITS, "--role", "agent", "--who", "kim")
    assert done.exit_code == ExitCode.OK, done.output
    assert done.stdout.startswith(f"{NEWEST}, objective relevance, ")
    assert "of the customer's purchases" in done.stdout
    assert "bought lately" in done.stdout
    told = json.loads(invoke(shop, "explain", "--customer", PERMITS, "--role", "agent", "--json").stdout)
    assert [one["item"] for one in told["items"]][:2] == ["milk", "tea"]
    entries = [one for _, one in shop.installation.audit_log.entries() if one.action == "retrieve"]
    assert [(one.subjects, one.identity) for one in entries] == [(1, "declared")] * 2
    assert entries[0].who == "kim"


def test_an_explanation_about_others_is_the_list_for_everybody(shop: RecommendShop) -> None:
    done = invoke(shop, "explain", "--customer", SILENT, "--role", "agent", "--objective", "thrifty", "--count", "1")
    assert "for everybody (no_consent)" in done.stdout
    assert "cake" in done.stdout
    assert "milk" not in done.stdout
    assert shop.audited() == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--role", "agent", "--objective", "trifty"), ExitCode.USAGE, "Did you mean thrifty?"),
        (("--role", "support"), ExitCode.REFUSED, "personalisation"),
        (("--role", "agnt"), ExitCode.REFUSED, "expected one of"),
        (("--role", "agent", "--count", "41"), ExitCode.USAGE, "1<=x<=40"),
        ((), ExitCode.USAGE, "--role"),
    ],
)
def test_a_fault_is_told_with_what_is_expected(
    shop: RecommendShop, arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    done = invoke(shop, "explain", "--customer", PERMITS, *arguments)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert PERMITS not in done.stderr
    assert shop.audited() == []
