from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from pipelines.cli.exit_code import ExitCode
from tests.pipelines.cli.conftest import Bojagi

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("market")]


def test_the_next_run_finishes_what_a_killed_one_began(finished: tuple[Bojagi, Any]) -> None:
    bojagi, told = finished
    assert told["tables"]["finished"] == told["tables"]["all"]
    assert told["quality"]["failed"] == 0
    assert told["rows"]["all"] > 0
    for name, key in {
        "bronze/cj_transactions": ["basket_id", "product_id"],
        "silver/order_line": ["order_id", "product_id"],
    }.items():
        lines = DeltaTable(str(bojagi.data / "lakehouse" / name)).to_pyarrow_table(columns=key)
        assert lines.num_rows == lines.group_by(key).aggregate([]).num_rows


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


def test_statistics_are_paid_and_the_log_is_verified(finished: tuple[Bojagi, Any], tmp_path: Path) -> None:
    bojagi, _ = finished
    account = "gold/order_history|analytics|customer_id"
    sql = "SELECT channel, COUNT(*) FROM gold.order_history WHERE order_date >= '2017-06-01' GROUP BY channel"
    asked = ("dp", "query", "--sql", sql, "--keys", "channel=online,store", "--rho", "0.5")
    refused = bojagi(*asked)
    assert refused.returncode == ExitCode.REFUSED
    assert "No limit is set" in refused.stderr
    bojagi("dp", "budget", account, "--set", "month=1:1e-5")
    answer = bojagi.json(*asked)
    assert [estimate["group"] for estimate in answer["estimates"]] == [{"channel": "online"}, {"channel": "store"}]
    assert bojagi.json(*asked) == answer
    assert bojagi.json("dp", "budget")[0]["rho_left"] == 0.5
    assert "trust_model" in answer["statement"]
    (tmp_path / "broken.yaml").write_text("statistics: [count")
    assert bojagi("dp", "query", str(tmp_path / "broken.yaml")).returncode == ExitCode.USAGE
    assert bojagi("audit", "verify").returncode == 0
