"""Two machines share a lakehouse and a database while they are killed; `bench.fleet` does the same at full length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.fleet import fault
from bench.fleet.disturbance import disturb
from bench.fleet.fault import faults_of
from bench.fleet.machine import Plan, open_fleet
from tests.store_place import StorePlace

PLAN = Plan(
    operations=40, runs=1, erasures=1, kills=4, seconds_between_kills=(1.0, 3.0), households=12,
    table="gold/customer_demographic", selection='+key:"gold/customer_demographic"', pause_seconds=0.1,
)  # fmt: skip


@pytest.mark.slow
def test_two_machines_that_are_killed_at_random_lose_poison_and_overspend_nothing(
    postgres_place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert postgres_place.server is not None
    root = str(tmp_path / "lakehouse")
    with open_fleet(tmp_path, postgres_place.server.conninfo, root, {}, PLAN) as fleet:
        outcome = disturb(fleet, PLAN)
        faults = faults_of(fleet, outcome, PLAN)
        assert not faults, "\n".join(faults)
        assert outcome.kills >= PLAN.kills

        # The check finds what it looks for.
        lost = next(line["records"][0] for line in outcome.of("consent"))
        postgres_place.change("", f"DELETE FROM record WHERE record_id = '{lost}'")
        monkeypatch.setattr(fault, "RHO_LIMIT", 1e-9)
        with fleet.opened("two") as two:
            faults = [*fault._faults_of_stores(two, outcome)]
        assert any("1 acknowledged consents are lost" in one for one in faults)
        assert any("overspent" in one for one in faults)
        objection = {"kind": "object", "state": "done", "customer": "c_1", "begin": 1.0, "end": 2.0}
        read = {"kind": "read", "state": "done", "customers": ["c_1"], "begin": 3.0, "end": 4.0}
        outcome.lines += json.loads(json.dumps([objection, read]))
        assert fault._faults_of_reads(outcome) == ["a read shows c_1 after the objection"]
