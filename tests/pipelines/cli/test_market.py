from typing import Any

import pytest
from deltalake import DeltaTable

from tests.pipelines.cli.conftest import Bojagi

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("market")]


def test_the_next_run_finishes_what_a_killed_one_began(finished: tuple[Bojagi, Any]) -> None:
    bojagi, told = finished
    assert told["tables"]["finished"] == told["tables"]["all"]
    assert told["quality"]["failed"] == 0
    assert told["rows"]["all"] > 0
    for name in ("bronze/cj_transactions", "silver/order_line"):
        lines = DeltaTable(str(bojagi.data / "lakehouse" / name)).to_pyarrow_table(columns=["basket_id", "product_id"])
        assert lines.num_rows == lines.group_by(["basket_id", "product_id"]).aggregate([]).num_rows


def test_a_second_run_does_no_work_twice(finished: tuple[Bojagi, Any]) -> None:
    bojagi, first = finished
    versions = {row["table"]: row["version"] for row in bojagi.json("status")["tables"]}
    second = bojagi.json("run")
    assert second["tables"]["up_to_date"] == second["tables"]["all"]
    assert second["rows"]["added"] == 0
    assert second["quality"] == first["quality"]
    assert {row["table"]: row["version"] for row in bojagi.json("status")["tables"]} == versions


def test_status_tells_the_run_and_the_tables(finished: tuple[Bojagi, Any]) -> None:
    bojagi, told = finished
    status = bojagi.json("status")
    assert status["last_run"]["state"] == "success"
    rows = {row["table"]: row["rows"] for row in status["tables"]}
    assert {turn["table"]: turn["rows"] for turn in told["turns"] if turn["table"] in rows} == rows
    assert "gold/customer_360" in bojagi("status").stdout


def test_the_killed_run_is_failed_in_the_record(finished: tuple[Bojagi, Any]) -> None:
    from pipelines.config import load_settings
    from pipelines.defs.refresh import open_instance

    bojagi, _ = finished
    with open_instance(load_settings(data_dir=bojagi.data)) as instance:
        states = [run.status.value for run in instance.get_runs()]
    assert states[-1] == "FAILURE"
    assert set(states[:-1]) == {"SUCCESS"}


def test_quarantine_is_listed_without_the_rows_themselves(finished: tuple[Bojagi, Any]) -> None:
    bojagi, _ = finished
    counts = bojagi.json("quarantine", "list")
    assert sum(entry["rows"] for entry in counts) > 0
    assert all(set(entry) == {"source", "column", "rule", "reason", "rows", "files"} for entry in counts)


def test_replaying_under_the_same_contracts_changes_nothing(finished: tuple[Bojagi, Any]) -> None:
    bojagi, _ = finished
    before = bojagi.json("quarantine", "list")
    reports = bojagi.json("quarantine", "replay")
    assert all(report["rows_added"] == 0 for report in reports)
    assert bojagi.json("quarantine", "list") == before
