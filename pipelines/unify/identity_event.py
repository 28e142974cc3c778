"""Builds silver/identity_event: merges, splits and moves of customers, each with the keys that moved."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables
from pipelines.unify.identifier import EVIDENCE

EVENT_ID_HEX = 16


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per event: the former rows, and new events from the keys that moved in silver/identifier.

    An event is a merge if its origin has no keys left, a split if its target is a new customer, and otherwise a move.
    """
    keys = tables["silver/identifier"]
    changed = F.max("changed_at").alias("_last"), F.min("changed_at").alias("_first")
    key = F.concat_ws(":", "token_kind", "token")
    lives = keys.groupBy("customer_id").agg(*changed)
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
            F.array_join(F.array_sort(F.collect_list(key)), ",").alias("moved_keys"),
            F.max(F.coalesce("changed_by", F.lit(EVIDENCE))).alias("_cause"),
            F.min("confidence").alias("confidence"),
        )
        .join(lives.select(F.col("customer_id").alias("from_customer_id"), F.lit(True).alias("_lives")),
              "from_customer_id", "left")
        .join(lives.select(F.col("customer_id").alias("to_customer_id"), "_first"), "to_customer_id", "left")
    )  # fmt: skip
    # The target is new if all its keys changed at that time or later.
    is_new = F.col("_first") >= F.col("occurred_at")
    by_steward = F.col("_cause") != EVIDENCE
    event = F.concat_ws("|", "from_customer_id", "to_customer_id", F.col("occurred_at").cast("string"))
    events = moves.withColumns({
        "event_type": F.when(F.col("_lives").isNull(), "merge").when(is_new, "split").otherwise("move"),
        "reason": F.when(by_steward, "steward").otherwise(EVIDENCE),
        "decision_id": F.when(by_steward, F.col("_cause")),
        "event_id": F.concat(F.lit("e_"), F.substring(F.sha2(event, 256), 1, EVENT_ID_HEX)),
    })  # fmt: skip
    names = [column.name for column in context.contracts.table("silver/identity_event").columns]
    former = tables[PREVIOUS].select(*names)
    new = events.join(former.select("from_customer_id", "to_customer_id", "occurred_at"),
                      ["from_customer_id", "to_customer_id", "occurred_at"], "left_anti")  # fmt: skip
    return former.unionByName(new.select(*names))
