"""How `permitted` is planned: the names that permit are one table, so that no event is sent around to be filtered."""

from __future__ import annotations

import contextlib
import io
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.engine import Engine
from privacy.consent.frame import Permissions
from privacy.consent.policy import built_in_policy

AT = datetime(2026, 1, 1, 12)
VERDICTS = 4_000_000
"""Of a million customers on four purposes. Only the number of rows matters to the plan."""


def constant(rows: int, **values: object) -> pa.Table:
    return pa.table({name: pa.repeat(pa.scalar(value), rows) for name, value in values.items()})


def plan_of(frame: DataFrame) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        frame.agg(F.max("amount")).explain()
    return shown.getvalue()


@pytest.fixture
def tables(sail: Engine, tmp_path: Path) -> tuple[DataFrame, DataFrame]:
    verdicts = constant(VERDICTS, customer_id="c_1", purpose="analytics", from_at=AT, until_at=AT, verdict=1)
    pq.write_table(verdicts, tmp_path / "verdicts.parquet")
    pq.write_table(constant(5 * VERDICTS, customer_id="c_1", amount=1), tmp_path / "events.parquet")
    made = [sail.spark.read.parquet(str(tmp_path / f"{name}.parquet")) for name in ("events", "verdicts")]
    return made[0], made[1]


def test_all_threads_probe_one_table_of_names(tables: tuple[DataFrame, DataFrame]) -> None:
    events, verdicts = tables
    plan = plan_of(Permissions(verdicts, built_in_policy()).permitted(events, "analytics", AT))
    assert "mode=CollectLeft" in plan
    assert "mode=Partitioned" not in plan


def test_the_same_filters_in_one_step_send_every_event_around(tables: tuple[DataFrame, DataFrame]) -> None:
    events, verdicts = tables
    told = verdicts.where((F.col("purpose") == "analytics") & (F.col("from_at") <= AT) & (F.col("verdict") == 1))
    assert "mode=Partitioned" in plan_of(events.join(told, "customer_id", "left_semi"))
