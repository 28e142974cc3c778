"""Dagster's view of check results: failing rules first, one row a rule, the offending file named."""

import dagster as dg

from pipelines.ingest.load_verdict import BrokenRows, LoadVerdict
from pipelines.ingest.quarantine import RefusedFile
from pipelines.orchestration.check_result import check_results
from pipelines.orchestration.landing_result import landing_result
from pipelines.quality.inspection import Inspection
from pipelines.quality.result import CheckResult, TableQuality
from tests.pipelines.ingest.shop import NOW

KEY = dg.AssetKey(["bronze", "store"])
PLACE = {"store_id": "296", "_source_file": "store-1.csv", "_line": 7}


def rule(name: str, *, passed: bool, severity: str = "error", **values: object) -> CheckResult:
    return CheckResult(name, "range", name, passed, severity, f"{name} is in range", 10, **values)  # type: ignore[arg-type]


def found_in(*results: CheckResult) -> dg.AssetCheckResult:
    quality = TableQuality("bronze/store", results, 10, 0.1)
    (made,) = check_results([dg.AssetCheckSpec("values", asset=KEY)], Inspection(quality, is_new=True))
    return made


def records(value: object) -> list[dict[str, object]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def test_failed_rules_come_first_then_warnings_and_each_is_one_row() -> None:
    made = found_in(
        rule("a", passed=True),
        rule("b", passed=False, severity="warning", unexpected_count=1),
        rule("c", passed=False, unexpected_count=2, examples=(PLACE,)),
    )
    rows = records(made.metadata["rules"])
    assert [(row["result"], row["rule"]) for row in rows] == [
        ("failed", "c is in range"), ("warning", "b is in range"), ("holds", "a is in range"),
    ]  # fmt: skip
    assert (rows[0]["places"], rows[0]["examples"]) == ("store-1.csv line 7", "store_id=296")
    assert made.description is not None
    first, second = made.description.split("\n\n")
    assert first.startswith("c is in range: 2 of 10 rows")
    assert first.endswith("(in store-1.csv line 7)")
    assert second.startswith("b is in range")
    assert made.severity is dg.AssetCheckSeverity.ERROR


def test_a_check_without_a_result_has_failed() -> None:
    made = found_in()
    assert (made.passed, made.severity, made.description) == (False, dg.AssetCheckSeverity.ERROR, "Not checked")


def test_a_refused_file_is_an_error_and_stands_before_quarantined_rows() -> None:
    verdict = LoadVerdict(
        "store", 1.0, (RefusedFile("bad.csv", "city", "header", "the header lacks city", NOW),),
        (BrokenRows("a.csv", "fee", "type", "not a value of type int", 2, 9),), rows_read=1000, rows_quarantined=2,
        notes=("a.csv: column x is not in the contract and was not loaded",),
    )  # fmt: skip
    made = landing_result(KEY, verdict)
    assert (made.passed, made.severity) == (False, dg.AssetCheckSeverity.ERROR)
    rows = records(made.metadata["found"])
    assert [(row["result"], row["file"], row["line"], row["rows"]) for row in rows] == [
        ("failed", "bad.csv", "", ""), ("warning", "a.csv", 9, 2), ("warning", "", "", ""),
    ]  # fmt: skip


def test_a_load_without_findings_passes() -> None:
    made = landing_result(KEY, LoadVerdict("store", 1.0, rows_read=10))
    assert made.passed
    assert "found" not in made.metadata
