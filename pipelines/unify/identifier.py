"""silver/identifier and silver/identity_event: the customer of each matching key, and how that changed."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.identity.assignment import resolve
from pipelines.unify.identity_record import read_records
from pipelines.unify.table import PREVIOUS, BuildContext, Tables

_SCHEMA = (
    "token_kind string, token string, customer_id string, method string, confidence double, record_count bigint, "
    "previous_customer_id string, changed_at timestamp_ntz"
)
_BEFORE = {"token_kind": "kind", "customer_id": "former", "previous_customer_id": "earlier", "changed_at": "since"}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (local wall time, for tables without any load)


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row a matching key with its customer; keys whose customer is the same as before stay as they were."""
    records, newest = read_records(tables, context.contracts)
    known = tables[PREVIOUS].toPandas().rename(columns=_BEFORE)
    former = known[["kind", "token", "former", "method"]].rename(columns={"former": "customer_id"})
    placed = resolve(records, former, context.id_factory)
    before = known[["kind", "token", "former", "earlier", "since"]]
    frame = placed.merge(before, on=["kind", "token"], how="left")
    moved = frame["former"].notna() & (frame["former"] != frame["customer_id"])
    frame["previous_customer_id"] = frame["former"].where(moved, frame["earlier"])
    frame["changed_at"] = frame["since"].where(frame["since"].notna() & ~moved, newest or _EPOCH)
    rows = frame.rename(columns={"kind": "token_kind"})[[part.split()[0] for part in _SCHEMA.split(", ")]]
    return context.spark.createDataFrame(_without_nan(rows), _SCHEMA)


def build_event(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row a change of customer: the former rows, and what silver/identifier shows as moved since."""
    keys = tables["silver/identifier"]
    living = keys.select(F.col("customer_id").alias("from_customer_id")).distinct().withColumn("_lives", F.lit(True))
    moves = (
        keys.where("previous_customer_id is not null and previous_customer_id <> customer_id")
        .groupBy(
            F.col("previous_customer_id").alias("from_customer_id"),
            F.col("customer_id").alias("to_customer_id"),
            F.col("changed_at").alias("occurred_at"),
        )
        .agg(
            F.count(F.lit(1)).alias("token_count"),
            F.array_join(F.array_sort(F.array_distinct(F.collect_list("token_kind"))), ",").alias("evidence_kinds"),
        )
        .join(living, "from_customer_id", "left")
        .withColumn("event_type", F.when(F.col("_lives").isNull(), "merge").otherwise("move"))
        .drop("_lives")
    )
    former = tables[PREVIOUS].select(*moves.columns)
    new = moves.join(former.select("from_customer_id", "to_customer_id", "occurred_at"),
                     ["from_customer_id", "to_customer_id", "occurred_at"], "left_anti")  # fmt: skip
    return former.unionByName(new.select(*moves.columns))


def _without_nan(frame: pd.DataFrame) -> pd.DataFrame:
    clean = frame.copy()
    for name in ("customer_id", "method", "previous_customer_id"):
        clean[name] = clean[name].astype(object).where(clean[name].notna(), None)
    clean["changed_at"] = pd.to_datetime(clean["changed_at"]).astype("datetime64[us]")
    return clean
