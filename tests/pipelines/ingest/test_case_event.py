"""Events of exports with a wrong clock, and with rows that were corrected and sent again."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pytest

from installation.contract.document import BUILT_IN, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.ingest.source_load import ingest_source
from tests.pipelines.ingest.new_user import CASES, NewUser
from tests.protection import open_protection_in

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
CASE = CASES / "36-far-future-row" / "parking_visit_5.csv"
NOON = datetime.datetime(2018, 1, 1, 12)


TABLES = (
    "silver/identity_decision",
    "silver/identifier",
    "silver/session_order_customer",
    "silver/touchpoint_event",
)


@pytest.mark.parametrize("files", [("visits",), ("visits", "future")])
def test_the_other_visits_stay_events_and_the_far_future_row_is_quarantined(
    tmp_path: Path, build_market, files: tuple[str, ...]
) -> None:
    (tmp_path / "contracts").mkdir()
    shutil.copy(EXAMPLES / "source_parking_visit.odcs.yaml", tmp_path / "contracts")
    contracts = load_contracts([*BUILT_IN, tmp_path / "contracts"])
    built = build_market(
        "sail",
        TABLES,
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


def test_a_corrected_row_that_is_sent_again_is_one_event(tmp_path: Path, build_market) -> None:
    user = NewUser(tmp_path, "15-corrected-resend")
    user.init("loyalty_point.csv")
    user.state_column("point_id", touchpointRole="event_id")
    user.state_column("earned_at", touchpointRole="event_time")
    user.state_column("points", touchpointRole="quantity")
    user.edit(
        lambda document: document["schema"][0]["customProperties"].append(
            {"property": "touchpoint", "value": {"channel": "store", "eventType": "points"}, "vendor": "bojagi"}
        )
    )
    contracts = load_contracts([*BUILT_IN, user.contracts])
    built = build_market("sail", TABLES, sources=("crm_customer", "loyalty_card", "app_event"), contracts=contracts)
    user.lakehouse = Lakehouse(built.lakehouse.root)
    user.land("loyalty_point.csv")
    user.load()
    user.land("second/loyalty_point.csv")
    user.load()
    built.refresh()
    events = built.lakehouse.read("silver/touchpoint_event").where("source = 'loyalty_point'").collect()
    assert sorted(event.event_id for event in events) == ["L1", "L2", "L3"]
