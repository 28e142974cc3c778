"""The newest checks of each table, the worst first, and the trend of the last runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.check_result import TABLE, read_check_results

FIRST = datetime(2026, 5, 1, 2)
Row = tuple[str, str, str, float, bool, str]


def lakehouse_of(folder: Path, *runs: list[Row]) -> Lakehouse:
    lakehouse = Lakehouse(str(folder))
    for day, run in enumerate(runs):
        lakehouse.append_rows(TABLE, pa.Table.from_pylist([
            {"load_id": f"run-{day}", "table_name": table, "check_name": check, "check_kind": "enum",
             "column_name": "store", "metric": metric, "value": value, "passed": passed, "severity": severity,
             "measured_at": FIRST + timedelta(days=day)}
            for table, check, metric, value, passed, severity in run
        ]))  # fmt: skip
    return lakehouse


def test_tables_are_listed_by_their_newest_checks_the_worst_first(tmp_path: Path) -> None:
    lakehouse = lakehouse_of(
        tmp_path,
        [("bronze/old", "known", "unexpected", 1, False, "warning"),
         ("bronze/sale", "a", "unexpected", 9, False, "error")],
        [("bronze/sale", "a", "unexpected", 0, True, "error"), ("bronze/sale", "b", "unexpected", 1, False, "warning"),
         ("gold/x", "a", "elements", 50, True, "error"), ("gold/x", "a", "unexpected", 3, False, "error")],
    )  # fmt: skip
    found = read_check_results(lakehouse)
    assert [(one.table, one.holding, one.errors, len(one.failed)) for one in found.tables] == [
        ("gold/x", 0, 1, 1), ("bronze/old", 0, 0, 1), ("bronze/sale", 1, 0, 1),
    ]  # fmt: skip
    assert (found.tables[0].failed[0].elements, found.tables[0].failed[0].unexpected) == (50, 3)
    assert [(run.holding, run.warnings, run.errors) for run in found.runs] == [(0, 1, 1), (1, 1, 1)]


def test_a_table_that_was_not_checked_lately_is_still_listed(tmp_path: Path) -> None:
    old = [("bronze/old", "a", "unexpected", 1.0, False, "error")]
    found = read_check_results(
        lakehouse_of(tmp_path, old, *[[("bronze/sale", "a", "unexpected", 0.0, True, "error")]] * 3), most_runs=2
    )
    assert [one.table for one in found.tables] == ["bronze/old", "bronze/sale"]
    assert [run.measured_at.day for run in found.runs] == [3, 4]


def test_before_the_first_run_there_are_none(tmp_path: Path) -> None:
    assert read_check_results(Lakehouse(str(tmp_path))).tables == ()
