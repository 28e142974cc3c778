"""Builds gold/customer_segment and gold/segment_move: the segment of each customer by day, and the changes of it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.insight.group_size import K
from features.insight.segment.model import HAS_ORDER, NO_ORDER, SegmentModel
from features.insight.segment.trait import TABLE
from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables
from pipelines.unify.segment_model import MODEL, SEGMENT, newest_model, raw_traits

MOVE = "gold/segment_move"


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and day: the reference date, the newest day before it, and former ends of months.

    Customers without an order are in segment NO_ORDER. No segment of a day has fewer than K customers: those of a
    smaller one get the nearest of the others, and there is no row for customers without an order if they are fewer.
    """
    names = [column.name for column in context.contracts.table(SEGMENT).columns]
    former = kept_days(tables[PREVIOUS], context).select(*names)
    newest = newest_model(tables[MODEL], context)
    if newest is None:
        return former
    people = tables[TABLE]
    labelled = _labelled(people.where(HAS_ORDER), SegmentModel.from_json(newest["model"]))
    idle = people.where(f"not ({HAS_ORDER})").select("customer_id", F.lit(NO_ORDER).alias("segment_id"))
    if idle.limit(K).count() == K:
        labelled = idle if labelled is None else labelled.unionByName(idle)
    if labelled is None:
        return former
    today = labelled.withColumns({"as_of": F.lit(context.as_of), "fitted_on": F.lit(newest["fitted_on"])})
    return former.unionByName(today.select(*names))


def build_moves(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer and day on which the segment is another than on the newest day before.

    The reason is `refit` if another model decided, else `behaviour`.
    """
    names = [column.name for column in context.contracts.table(MOVE).columns]
    former = tables[PREVIOUS].where(F.col("moved_on") < F.lit(context.as_of)).select(*names)
    rows, today = tables[SEGMENT], F.lit(context.as_of)
    past = rows.where(F.col("as_of") < today)
    before = past.join(past.agg(F.max("as_of").alias("as_of")), "as_of").select(
        "customer_id", F.col("segment_id").alias("from_segment_id"), F.col("fitted_on").alias("_fitted_on")
    )
    moved = rows.where(F.col("as_of") == today).join(before, "customer_id")
    moved = moved.where("segment_id <> from_segment_id").withColumns({
        "moved_on": F.col("as_of"),
        "to_segment_id": F.col("segment_id"),
        "reason": F.when(F.col("fitted_on") == F.col("_fitted_on"), "behaviour").otherwise("refit"),
    })  # fmt: skip
    return former.unionByName(moved.select(*names))


def kept_days(rows: DataFrame, context: BuildContext) -> DataFrame:
    """Return former rows by day that stay: the newest day before the reference date, and ends of months before it."""
    past = rows.where(F.col("as_of") < F.lit(context.as_of))
    newest = past.agg(F.max("as_of").alias("_newest"))
    is_kept: Column = (F.col("as_of") == F.last_day("as_of")) | (F.col("as_of") == F.col("_newest"))
    return past.crossJoin(newest).where(is_kept).drop("_newest")


def _labelled(people: DataFrame, model: SegmentModel) -> DataFrame | None:
    """Return the segment of each customer, none of which has fewer than K; None if the customers are fewer than K."""
    encoded = people.select("customer_id", *raw_traits()).selectExpr("customer_id", *_aliases(model.encoding_sql()))
    while model.centers:
        distances = encoded.selectExpr("customer_id", *_aliases(model.distance_sql()))
        labelled = distances.selectExpr("customer_id", f"{model.label_sql()} as segment_id")
        sizes = {row["segment_id"]: row["count"] for row in labelled.groupBy("segment_id").count().collect()}
        small = sorted((size, name) for name in model.centers if (size := sizes.get(name, 0)) < K)
        if not small:
            return labelled
        # One at a time: the customers of the smallest may make the next one large enough.
        model = model.without({small[0][1]})
    return None


def _aliases(columns: dict[str, str]) -> list[str]:
    return [f"{sql} as {name}" for name, sql in columns.items()]
