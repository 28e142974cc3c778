"""A row whose clock is wrong by 82 years does not move the reference date and hides no other row."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pytest

from installation.contract.document import BUILT_IN, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.source_load import ingest_source
from tests.pipelines.ingest.new_user import CASES
from tests.protection import open_protection_in

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
CASE = CASES / "36-far-future-row" / "parking_visit_5.csv"
NOON = datetime.datetime(2018, 1, 1, 12)


@pytest.mark.parametrize("files", [("visits",), ("visits", "future")])
def test_the_other_visits_stay_events_and_the_far_future_row_is_quarantined(
    tmp_path: Path, build_market, files: tuple[str, ...]
) -> None:
    (tmp_path / "contracts").mkdir()
    shutil.copy(EXAMPLES / "source_parking_visit.odcs.yaml", tmp_path / "contracts")
    contracts = load_contracts([*BUILT_IN, tmp_path / "contracts"])
    built = build_market(
        "sail",
        ("silver/identity_decision", "silver/identifier", "silver/session_order_customer", "silver/touchpoint_event"),
        sources=("crm_customer", "loyalty_card", "app_event"),
        contracts=contracts,
    )
    landing = tmp_path / "landing"
    (landing / "parking_visit").mkdir(parents=True)
    shutil.copy(EXAMPLES / "parking_visit.csv", landing / "parking_visit")
    if "future" in files:
        shutil.copy(CASE, landing / "parking_visit")
    protection = open_protection_in(tmp_path / "secret")
    contract = contracts.source("parking_visit")
    before = built.lakehouse.read("silver/touchpoint_event").count()
    ingest_source(contract, Lakehouse(built.lakehouse.root), landing, protection, lambda: NOON)
    built.refresh()
    events = built.lakehouse.read("silver/touchpoint_event")
    visits = sorted(row.event_id for row in events.where("source = 'parking_visit'").collect())
    assert visits == [f"P-00000{number}" for number in range(1, 6)]
    assert events.where("source <> 'parking_visit'").count() == before
    quarantined = built.lakehouse.read("bronze/quarantine").where("source = 'parking_visit'").collect()
    found = [(row.file, row.line, row.column) for row in quarantined if row.file == CASE.name]
    assert found == ([(CASE.name, 2, "entered_at")] if "future" in files else [])
