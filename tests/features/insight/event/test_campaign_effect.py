"""The effects of campaigns are shown with interval, placebo and verdict in words, in every form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from features.insight.event.campaign import CampaignUplift
from features.insight.event.campaign_effect import (
    NONE_JUDGED,
    TABLE,
    CampaignEffect,
    effect_row,
    effect_rows,
    read_effects,
    told_effect,
)
from features.insight.event.effect import Effect
from features.insight.event.uplift import UpliftReport
from features.insight.score.model_table import TABLE as MODELS
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.cli.app import app

REPORT = UpliftReport(
    1287, 159, Effect(9.004, 5.0, 13.0), Effect(0.5, -2.0, 3.0), Effect(8.5, 4.0, 13.0), np.array([1.0, 2.0])
)
FOUND = told_effect(CampaignUplift("8", date(2017, 5, 8), REPORT))
WEAK = replace(FOUND, campaign_id=9, start_date=date(2017, 3, 1), placebo=Effect(8.0, 4.0, 12.0),
               difference=Effect(1.0, -3.0, 5.0), is_identified=False)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Installation]:
    settings = load_settings(data_dir=tmp_path / "data", secret_dir=tmp_path / "secret", run_date=date(2017, 12, 31))
    opened = Installation(settings, clock=lambda: datetime(2017, 12, 31, 23, tzinfo=UTC))
    opened.lakehouse.overwrite_rows(MODELS, opened.contracts.table(MODELS).arrow_schema().empty_table())
    with opened:
        yield opened


def write(shop: Installation, *effects: CampaignEffect) -> None:
    schema = shop.contracts.table(TABLE).arrow_schema()
    shop.lakehouse.overwrite_rows(TABLE, pa.Table.from_pylist([effect_row(one) for one in effects], schema))


def evaluate(shop: Installation, *options: str) -> str:
    shown = CliRunner().invoke(app, ["insight", "evaluate", "--data", str(shop.settings.data_dir), *options])
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_numbers_of_customers_are_rounded_down_to_tens_and_amounts_to_cents() -> None:
    assert (FOUND.customer_count, FOUND.received_count) == (1280, 150)
    assert FOUND.effect == Effect(9.0, 5.0, 13.0)
    assert FOUND.verdict == "identified"


def test_a_verdict_follows_the_rounded_figures() -> None:
    barely = replace(REPORT, effect=Effect(9.0, 0.001, 18.0))
    assert barely.is_identified
    told = told_effect(CampaignUplift("8", date(2017, 5, 8), barely))
    assert not told.is_identified
    assert told.verdict == "not identified: the effect does not differ from zero"


def test_effects_are_read_by_start_as_they_were_written(shop: Installation) -> None:
    assert read_effects(shop.lakehouse) == [], "no run has built the table"
    write(shop, FOUND, WEAK)
    assert read_effects(shop.lakehouse) == [WEAK, FOUND]
    assert effect_rows([WEAK])[0][5:] == (
        "+8.00 [+4.00, +12.00]",
        "not identified: the placebo differs from zero, the effect does not differ from the placebo",
    )


def test_the_command_shows_effect_placebo_and_verdict(shop: Installation, tmp_path: Path) -> None:
    write(shop, FOUND, WEAK)
    report = tmp_path / "report.html"
    evaluate(shop, "--report", str(report))
    for shown in (evaluate(shop), report.read_text("utf-8")):
        assert all(part in shown for part in ("+9.00 [+5.00, +13.00]", "+0.50 [-2.00, +3.00]", "1,280", "2017-05-08"))
        assert "not identified: the placebo differs from zero" in shown
    first, second = json.loads(evaluate(shop, "--json"))["campaigns"]
    assert (first["campaign_id"], first["is_identified"]) == (9, False)
    assert (second["effect_low"], second["placebo_high"], second["verdict"]) == (5.0, 3.0, "identified")


def test_the_command_says_that_no_campaign_was_judged(shop: Installation, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    evaluate(shop, "--report", str(report))
    assert NONE_JUDGED in evaluate(shop)
    assert NONE_JUDGED in report.read_text("utf-8")
    assert json.loads(evaluate(shop, "--json")) == {"models": [], "campaigns": []}
