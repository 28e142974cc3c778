"""Sail plans the verdicts and `permitted` with cheap joins.

The permitting customers become one hash table, so events are not repartitioned. There are few corrections and many
records, so the hash table is built from the corrections.
"""

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

from pipelines.engine.session import Engine
from privacy.consent.frame import Permissions, permission_rows
from privacy.consent.policy import built_in_policy
from privacy.consent.rows import RECORD_SCHEMA

AT = datetime(2026, 1, 1, 12)
VERDICTS = 4_000_000
"""Of a million customers on four purposes. Only the number of rows matters to the plan."""


def constant(rows: int, **values: object) -> pa.Table:
    return pa.table({name: pa.repeat(pa.scalar(value), rows) for name, value in values.items()})


def plan_of(frame: DataFrame) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        frame.explain()
    return shown.getvalue()


@pytest.fixture
def tables(sail: Engine, tmp_path: Path) -> tuple[DataFrame, DataFrame]:
    verdicts = constant(VERDICTS, customer_id="c_1", purpose="analytics", from_at=AT, until_at=AT, verdict=1)
    pq.write_table(verdicts, tmp_path / "verdicts.parquet")
    pq.write_table(constant(5 * VERDICTS, customer_id="c_1", amount=1), tmp_path / "events.parquet")
    made = [sail.spark.read.parquet(str(tmp_path / f"{name}.parquet")) for name in ("events", "verdicts")]
    return made[0], made[1]


def test_permitted_is_planned_with_one_hash_table_that_all_threads_probe(tables: tuple[DataFrame, DataFrame]) -> None:
    events, verdicts = tables
    permitted = Permissions(verdicts, built_in_policy()).permitted(events, "analytics", AT)
    plan = plan_of(permitted.agg(F.max("amount")))
    assert "mode=CollectLeft" in plan
    assert "mode=Partitioned" not in plan


def test_the_same_filters_in_one_step_repartition_every_event(tables: tuple[DataFrame, DataFrame]) -> None:
    events, verdicts = tables
    customers = verdicts.where((F.col("purpose") == "analytics") & (F.col("from_at") <= AT) & (F.col("verdict") == 1))
    assert "mode=Partitioned" in plan_of(events.join(customers, "customer_id", "left_semi").agg(F.max("amount")))


@pytest.fixture
def records(sail: Engine, tmp_path: Path) -> DataFrame:
    same = {"controller": "Shop", "supersedes": "r_1", "purpose": "analytics", "state": "given", "age_years": 40}
    moments = dict.fromkeys(("effective_at", "recorded_at"), AT)
    texts = {f.name: "x" for f in RECORD_SCHEMA if not f.nullable and f.type == pa.string()}
    values = {**texts, **same, **moments}
    columns = [pa.repeat(pa.scalar(values.get(f.name), f.type), VERDICTS) for f in RECORD_SCHEMA]
    pq.write_table(pa.table(columns, schema=RECORD_SCHEMA), tmp_path / "records.parquet")
    return sail.spark.read.parquet(str(tmp_path / "records.parquet"))


def test_the_hash_table_is_built_from_the_corrections_and_not_from_the_records(records: DataFrame) -> None:
    """Otherwise the join returns all uncorrected records in one batch, too large for a sort (5 M records, 6 GB)."""
    plan = plan_of(permission_rows(records, None, built_in_policy(), "Shop"))
    assert "join_type=Right," in plan
    assert "join_type=Left" not in plan


def test_an_anti_join_would_build_the_hash_table_from_the_records(records: DataFrame) -> None:
    corrections = records.where("supersedes is not null").select(F.col("supersedes").alias("record_id"))
    assert "join_type=LeftAnti" in plan_of(records.where("state = 'given'").join(corrections, "record_id", "left_anti"))
