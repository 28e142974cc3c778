"""Tests the rows of `gold/quality_metric` and the expected volume."""

from __future__ import annotations

from datetime import datetime

import pytest

from installation.contract.document import load_contracts
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality import metric
from pipelines.quality.result import CheckResult, TableQuality
from pipelines.quality.volume import expected_rows

MOMENT = datetime(2017, 12, 31, 23, 0)


def quality(rows: int) -> TableQuality:
    results = (
        CheckResult("volume", "volume", None, True, "warning", "v", observed_value=rows),
        CheckResult("range_a", "range", "a", False, "warning", "r", 200, 3, 1.5),
        CheckResult("freshness", "freshness", "a", True, "warning", "f", observed_value="2017-12-31"),
        CheckResult("mean", "rule", "a", True, "warning", "m", observed_value=2.5),
        CheckResult("orphans", "reference", "b", False, "warning", "o", fault="table bronze/x does not exist"),
    )
    return TableQuality("silver/orders", results, rows, 0.1)


def test_metric_rows_match_the_contract_and_have_unique_keys() -> None:
    contract = load_contracts()["gold.quality_metric"]
    table = metric.metric_table([quality(200)], "load-1", MOMENT)
    assert table.schema.names == [column.name for column in sorted_like(table.schema.names, contract.columns)]
    assert {column.name for column in contract.columns} == set(table.schema.names)
    for column in contract.columns:
        assert table.schema.field(column.name).type == contract.arrow_schema().field(column.name).type
    enum = contract.column("metric").enum
    assert enum is not None
    assert set(table["metric"].to_pylist()) == set(enum)
    key = list(zip(*(table[name].to_pylist() for name in contract.primary_key), strict=True))
    assert len(key) == len(set(key))


def sorted_like(names: list[str], columns: tuple[object, ...]) -> list[object]:
    by_name = {column.name: column for column in columns}  # type: ignore[attr-defined]  # Column
    return [by_name[name] for name in names]


def test_row_counts_of_earlier_loads_set_the_expected_volume(lakehouse: SparkLakehouse, engine: Engine) -> None:
    assert metric.row_history(None) == {}
    for number, rows in enumerate((100, 110, 121), 1):
        moment = MOMENT.replace(day=number)
        batch = metric.metric_table([quality(rows)], f"load-{number}", moment)
        frame = engine.spark.createDataFrame(batch).withColumn("measured_at", lit_moment(moment))
        lakehouse.append(metric.TABLE, frame)
    history = metric.row_history(lakehouse.read(metric.TABLE))
    assert history == {"silver/orders": (100, 110, 121)}
    within, _ = expected_rows(history["silver/orders"], {})
    assert within.admits(132)
    assert not within.admits(60)


def lit_moment(moment: datetime) -> object:
    from pyspark.sql import functions as F

    return F.lit(moment.isoformat()).cast("timestamp_ntz")


@pytest.mark.parametrize(
    ("history", "volume", "inside", "outside"),
    [
        ((), {}, 1, 0),
        ((5, 6), {"minimum": 10}, 10, 9),
        ((100, 100, 100), {}, 130, 131),
        ((100, 100, 100), {"maxChangePercent": 5}, 105, 106),
        ((100, 200, 300, 400), {"maxChangePercent": 1}, 500, 400),
        ((100, 100, 100), {"maximum": 110}, 110, 111),
        ((1000, 1100, 900, 1200, 1000), {"maxChangePercent": 1}, 1400, 3000),
    ],
)
def test_the_expected_volume_admits_usual_counts_only(
    history: tuple[int, ...], volume: dict[str, float], inside: int, outside: int
) -> None:
    within, _ = expected_rows(history, volume)
    assert within.admits(inside)
    assert not within.admits(outside)
