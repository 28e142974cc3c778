"""Scores are read only with permission, logged, and explained by the measures that made them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.insight.model.scoring import Contribution
from features.insight.model.target import Target
from features.insight.score.decision import ScoreExplainer
from features.insight.score.explanation import value_text
from features.insight.score.model_table import TABLE as MODELS
from features.insight.score.model_table import due_targets, models_on, read_models
from features.insight.score.reading import read_scores
from features.insight.score.score_row import INPUT, TABLE
from installation.installation import Installation
from pipelines.cli.app import app
from pipelines.erasure.lakehouse_store import LakehouseStore
from pipelines.erasure.subject_lookup import find_subject
from pipelines.orchestration.insight_metadata import model_cards
from pipelines.orchestration.rights_registry import explainers
from privacy.access.errors import AccessRefused
from privacy.rights.subject_store import OutcomeKind
from tests.features.insight.score.score_shop import CUSTOMERS, DENYING, HORIZON, TODAY, open_shop, state

ONE, OTHER = CUSTOMERS[7], CUSTOMERS[8]
READER = ("agent", "personalisation", "test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def shop(folder: Path) -> Iterator[Installation]:
    with open_shop(folder) as opened:
        yield opened


def test_scores_are_read_with_reasons_and_both_reads_are_logged(shop: Installation) -> None:
    found = read_scores(shop, ONE, *READER)
    assert found.as_of == TODAY
    assert {one.target for one in found.scores} >= {Target.CHURN, Target.SPEND}
    churn = next(one for one in found.scores if one.target is Target.CHURN)
    effects = [abs(reason.effect) for reason in churn.reasons]
    assert effects == sorted(effects, reverse=True)
    logged = [entry.table for _, entry in shop.audit_log.entries() if entry.action == "read"]
    assert logged[-2:] == [TABLE, INPUT]


def test_a_reason_has_the_value_that_the_customer_has(shop: Installation) -> None:
    rows = shop.lakehouse.rows(INPUT).to_pylist()
    row = next(one for one in rows if (one["customer_id"], one["as_of"]) == (ONE, TODAY))
    for one in read_scores(shop, ONE, *READER).scores:
        if one.target is not Target.NEXT_CATEGORY:
            assert all(reason.value == row[reason.feature] for reason in one.reasons)


def test_an_amount_has_its_currency_in_the_words_of_a_reason(shop: Installation) -> None:
    contract, amount = shop.contracts.table(INPUT), Contribution("sales_value_365d", 1309.77, -1.0)
    assert value_text(amount, contract) == "1,310 USD"
    assert value_text(replace(amount, feature="longest_gap_days", value=95.0), contract) == "95"
    assert value_text(replace(amount, feature="share_of_orders", value=0.3456), contract) == "0.346"
    assert value_text(replace(amount, value=None), contract) is None


def test_no_score_is_shown_without_permission(shop: Installation) -> None:
    assert read_scores(shop, DENYING[0], *READER).scores == ()
    assert read_scores(shop, "c_unknown", *READER).scores == ()
    assert read_scores(shop, OTHER, *READER).scores
    state(shop, OTHER, "withdrawn", datetime(2017, 12, 30))
    assert read_scores(shop, OTHER, *READER).scores == (), "although the rows are still there"
    with pytest.raises(AccessRefused):
        read_scores(shop, ONE, "agent", "marketing", "test")


def test_a_model_of_a_later_day_scores_no_earlier_day(shop: Installation) -> None:
    models = read_models(shop.lakehouse.rows(MODELS).to_pylist())
    assert models_on(models, date(2017, 12, 30)) == {}
    assert models_on(models, TODAY).keys() == {one.card.target for one in models}


def test_a_target_is_due_when_a_horizon_has_ended_that_its_model_does_not_know(shop: Installation) -> None:
    models = read_models(shop.lakehouse.rows(MODELS).to_pylist())
    known = {one.card.target: one.card.fit_to for one in models}
    assert due_targets(models, known, TODAY, HORIZON) == []
    assert due_targets(models, known | {Target.SPEND: date(2017, 10, 1)}, TODAY, HORIZON) == [Target.SPEND]
    others = set(known) - {Target.BUYS_SOON}  # its horizon is a week, whatever the contract says
    assert set(due_targets(models, known, TODAY, 60)) == others
    assert due_targets([], {Target.CHURN: None}, TODAY, HORIZON) == []


def test_the_right_to_an_explanation_covers_each_score(shop: Installation) -> None:
    subject = find_subject(shop, ONE, "test", "request_1")
    found = list(ScoreExplainer(shop, "test").explain(subject))
    scores = {f"score_{one.target}": one.text for one in read_scores(shop, ONE, *READER).scores}
    assert {one.name for one in found} == set(scores)
    for decision in found:
        assert scores[decision.name] in decision.logic.en
        assert decision.logic.ko != decision.logic.en
        assert decision.name == "score_next_category" or decision.inputs
    assert any(set(one.names) >= set(scores) for one in explainers(shop))


def test_the_asset_has_each_card_and_a_chart_for_each_probability(shop: Installation) -> None:
    found = model_cards(shop.lakehouse)
    models = read_models(shop.lakehouse.rows(MODELS).to_pylist())
    for model in models:
        assert str(model.card.data_version) in str(found[f"{model.card.target}_card"].value)
        shown = found.get(f"{model.card.target}_calibration")
        assert (shown is not None) == (model.card.calibration is not None)
        assert shown is None or "data:image/png" in str(shown.value)
    assert "churn_metrics" in found


def test_the_commands_show_scores_and_cards(shop: Installation, folder: Path) -> None:
    runner, place = CliRunner(), ("--data", str(shop.settings.data_dir), "--json")
    shown = runner.invoke(app, ["insight", "evaluate", "--report", str(folder / "models.html"), *place])
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert {one["target"] for one in told["models"]} >= {"churn", "spend"}
    assert told["campaigns"] == []
    page = (folder / "models.html").read_text("utf-8")
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    text = runner.invoke(app, ["insight", "evaluate", *place[:2]]).stdout
    assert "baseline of recency and frequency" in text


def test_the_command_shows_the_scores_of_a_customer(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOJAGI_SECRET_DIR", str(shop.settings.secret_dir))
    place = ("--data", str(shop.settings.data_dir), "--role", "agent", "--purpose", "personalisation")
    shown = CliRunner().invoke(app, ["insight", "score", "--customer", ONE, *place])
    assert shown.exit_code == 0, shown.output
    assert "Churn: " in shown.stdout
    assert "raises it" in shown.stdout or "lowers it" in shown.stdout
    denied = CliRunner().invoke(app, ["insight", "score", "--customer", DENYING[0], *place, "--json"])
    assert json.loads(denied.stdout)["scores"] == {}


def test_an_erasure_removes_the_scores_of_the_person_from_every_version(shop: Installation) -> None:
    gone = CUSTOMERS[20]
    subject, store = find_subject(shop, gone, "test", "request_2"), LakehouseStore(shop)
    before = {name: shop.lakehouse.rows(name).num_rows for name in (INPUT, TABLE, MODELS)}
    assert {name for name in before if any(one.startswith(name) for one in store.verify([subject]).residues)} == {
        INPUT,
        TABLE,
    }
    assert store.erase([subject]).kind is OutcomeKind.DONE
    assert not [one for one in store.verify([subject]).residues if one.startswith("gold/")]
    left = {name: shop.lakehouse.rows(name).num_rows for name in before}
    assert left == {INPUT: before[INPUT] - 6, TABLE: before[TABLE] - 1, MODELS: before[MODELS]}
