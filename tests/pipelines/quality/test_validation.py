"""Each check finds the break planted for it and passes clean data; no output shows a planted secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract
from pipelines.engine.session import Engine
from pipelines.quality.contract_check import RunContext, derive_checks, parents_of
from pipelines.quality.result import CheckResult, TableQuality
from pipelines.quality.validation import validate_table
from tests.pipelines.quality import shop

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return shop.contracts(tmp_path_factory.mktemp("contracts"))[0]


def check(
    engine: Engine, contract: Contract, rows: Rows, history: tuple[int, ...] = (), **changes: Any
) -> TableQuality:
    frame = shop.frame_of(engine.spark, contract, rows)
    for name, change in changes.items():
        frame = change(frame) if callable(change) else frame.withColumn(name, change)
    products = engine.spark.createDataFrame(shop.PRODUCTS)
    return validate_table(frame, contract, RunContext(shop.AS_OF, history), {"silver/product": products})


def failed(quality: TableQuality) -> dict[str, CheckResult]:
    return {result.name: result for result in quality.results if not result.passed}


def test_clean_rows_pass_every_check(engine: Engine, orders: Contract) -> None:
    quality = check(engine, orders, shop.clean_rows())
    assert failed(quality) == {}, [result.summary for result in failed(quality).values()]
    assert quality.passed
    assert quality.rows == 40
    kinds = {result.kind for result in quality.results}
    assert kinds == {
        "schema", "volume", "freshness", "key", "required", "range", "enum", "pattern", "length", "reference",
        "outliers", "rule",
    }  # fmt: skip


LATE = datetime(2018, 1, 1)
BREAKS = {
    "required_customer_name": {"customer_name": None},
    "length_customer_name": {"customer_name": shop.SECRETS[3] * 3},
    "pattern_email": {"email": "no address"},
    "range_quantity": {"quantity": 0},
    "range_amount": {"amount": Decimal("-0.01")},
    "enum_size": {"size": "XL"},
    "pattern_code": {"code": "ab1"},
    "length_code": {"code": "AB12345"},
    "reference_product_id": {"product_id": 99},
    "shipped_after_ordered": {"shipped_at": datetime(2017, 1, 1)},
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_planted_break_fails_its_check_alone_and_is_shown_as_example(
    engine: Engine, orders: Contract, name: str
) -> None:
    rows = shop.with_break(shop.clean_rows(), 3, BREAKS[name])
    found = failed(check(engine, orders, rows))
    assert set(found) == {name}
    assert found[name].unexpected_count == 1
    assert found[name].element_count
    assert found[name].fault is None
    # The example names the broken row: its file, and line 5 (a header, then the fourth row).
    assert found[name].examples
    assert found[name].examples[0]["_line"] == "5"


def test_a_repeated_key_is_counted_and_is_blocking(engine: Engine, orders: Contract) -> None:
    rows = shop.with_break(shop.clean_rows(), 3, {"order_no": 4})
    quality = check(engine, orders, rows)
    key = failed(quality)["unique_key"]
    assert (key.unexpected_count, key.element_count, key.is_blocking) == (1, 40, True)
    assert key.examples == ({"_source_file": "orders.csv", "_line": "5", "_times": "2"},)
    assert quality.blocking == (key,)


def test_more_than_five_per_cent_of_outliers_fail_the_check(engine: Engine, orders: Contract) -> None:
    rows = shop.clean_rows()
    for position in range(3):
        rows = shop.with_break(rows, position, {"amount": Decimal(10_000 + position)})
    outliers = failed(check(engine, orders, rows))["outliers_amount"]
    assert outliers.unexpected_count == 3
    assert {example["amount"] for example in outliers.examples} == {"10000.00", "10001.00", "10002.00"}
    one = shop.with_break(shop.clean_rows(), 0, {"amount": Decimal(10_000)})
    assert failed(check(engine, orders, one)) == {}, "one of forty is within the five per cent"


def test_an_old_table_fails_freshness_alone(engine: Engine, orders: Contract) -> None:
    rows = [{**row, "ordered_at": datetime(2017, 12, 1), "shipped_at": None} for row in shop.clean_rows()]
    stale = failed(check(engine, orders, rows))
    assert set(stale) == {"freshness"}
    assert stale["freshness"].observed_value == "2017-12-01"
    far = shop.with_break(rows, 0, {"ordered_at": datetime(2099, 12, 31)})
    hidden = failed(check(engine, orders, far))["freshness"]
    assert hidden.observed_value == "2017-12-01", "a row of 2099 does not make the table fresh"


def test_half_the_usual_rows_fail_the_volume_check(engine: Engine, orders: Contract) -> None:
    assert failed(check(engine, orders, shop.clean_rows(), (38, 39, 40))) == {}
    assert set(failed(check(engine, orders, shop.clean_rows()[:20], (38, 39, 40)))) == {"volume"}
    nothing = check(engine, orders, shop.clean_rows(), drop=lambda frame: frame.limit(0))
    assert set(failed(nothing)) >= {"volume", "freshness", "enough_rows"}


def test_a_changed_schema_is_blocking_and_its_changes_are_named(engine: Engine, orders: Contract) -> None:
    quality = check(engine, orders, shop.clean_rows(), quantity=F.col("quantity").cast("string"), extra=F.lit(1))
    found = failed(quality)["schema"]
    assert found.is_blocking
    assert found.observed_value == "quantity is string, expected int; extra is not in the contract"


def test_a_missing_column_fails_each_check_that_needs_it(engine: Engine, orders: Contract) -> None:
    found = failed(check(engine, orders, shop.clean_rows(), drop=lambda frame: frame.drop("size", "amount")))
    assert found["schema"].observed_value == "amount is missing; size is missing"
    assert found["enum_size"].fault == "column size is missing"
    assert found["outliers_amount"].fault == "column amount is missing"
    assert set(found) == {"schema", "enum_size", "range_amount", "outliers_amount"}


def test_a_check_whose_other_table_is_missing_fails(engine: Engine, orders: Contract) -> None:
    frame = shop.frame_of(engine.spark, orders, shop.clean_rows())
    found = failed(validate_table(frame, orders, RunContext(shop.AS_OF)))
    assert set(found) == {"reference_product_id", "known_sum"}
    assert found["reference_product_id"].fault == "table silver/product does not exist"
    assert found["known_sum"].fault == "table silver/product does not exist"
    assert parents_of(derive_checks(orders, RunContext(shop.AS_OF))) == {"silver/product"}


def test_an_engine_error_in_one_check_leaves_the_results_of_the_others(engine: Engine, orders: Contract) -> None:
    """The shared pass fails as a whole if one aggregate cannot be planned; the others are then run separately."""
    found = check(engine, orders, shop.clean_rows(), shipped_at=F.array(F.lit(shop.SECRETS[0])))
    broken = failed(found)
    assert set(broken) == {"schema", "shipped_after_ordered"}
    assert broken["shipped_after_ordered"].fault is not None
    assert_no_secret(found)


def assert_no_secret(quality: TableQuality) -> None:
    everything = json.dumps(dict(quality.report), ensure_ascii=False) + repr(quality.results)
    for secret in shop.SECRETS:
        assert secret not in everything
        assert secret.encode("unicode-escape").decode() not in everything or secret.isascii()


@pytest.fixture(scope="module")
def broken_everywhere(orders: Contract) -> Callable[[Engine], TableQuality]:
    """Return a function that validates, once for each engine, rows with every break and two secrets."""

    @cache
    def validated(engine: Engine) -> TableQuality:
        rows = shop.with_break(shop.clean_rows(), 4, {"email": shop.SECRETS[1], "customer_name": shop.SECRETS[3] * 2})
        for position, change in enumerate(BREAKS.values(), 5):
            rows = shop.with_break(rows, position, change)
        return check(engine, orders, rows)

    return validated


@pytest.mark.parametrize("name", BREAKS)
def test_examples_show_no_personal_data(
    engine: Engine, broken_everywhere: Callable[[Engine], TableQuality], name: str
) -> None:
    quality = broken_everywhere(engine)
    assert failed(quality)[name].examples
    assert_no_secret(quality)


def test_a_secret_in_a_column_declared_non_personal_is_found(engine: Engine, orders: Contract) -> None:
    """Negative control: the value of a column that is declared non-personal is shown."""
    contract = shop.harmless(orders, "email")
    rows = shop.with_break(shop.clean_rows(), 3, {"email": shop.SECRETS[1]})
    with pytest.raises(AssertionError):
        assert_no_secret(check(engine, contract, rows))


def passes(frame: DataFrame, contract: Contract, monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the queries that one validation sends to the engine."""
    from pyspark.sql.connect.client import core

    sent: list[object] = []
    original = core.SparkConnectClient.to_table

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        sent.append(arguments)
        return original(self, *arguments, **named)

    monkeypatch.setattr(core.SparkConnectClient, "to_table", counted)
    products = frame.sparkSession.createDataFrame(shop.PRODUCTS)
    validate_table(frame, contract, RunContext(shop.AS_OF), {"silver/product": products})
    return len(sent)


def test_one_validation_sends_at_most_six_queries(
    sail: Engine, orders: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shared pass, one each for outliers, reference and SQL rule, two for the built-in mean expectation."""
    frame = shop.frame_of(sail.spark, orders, shop.clean_rows())
    assert passes(frame, orders, monkeypatch) <= 6


def test_keys_of_a_large_source_are_checked_on_a_sample_of_keys(engine: Engine, orders: Contract) -> None:
    """All rows of a key are in the sample or none, so the share of repetitions in the sample is exact."""
    from dataclasses import replace

    from pipelines.quality.gx_import import import_late

    rows = [{**row, "order_no": number // 2} for number, row in enumerate(shop.clean_rows() * 10)]
    landed = replace(orders, layer="source")
    run_context = RunContext(shop.AS_OF, rows=9_000_000)
    (key,) = [one for one in derive_checks(landed, run_context) if one.name == "unique_key"]
    assert "one key in 3" in key.description
    suite = import_late("gx_suite").build_suite(landed.table, [key])
    frame = shop.frame_of(engine.spark, landed, rows)
    found = import_late("gx_run").run_checks(frame, landed, [key], suite)["unique_key"]
    assert 0 < found.figures["element_count"] < 400
    assert found.figures["unexpected_percent"] == 50.0
