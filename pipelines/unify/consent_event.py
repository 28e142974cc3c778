"""Builds silver/consent_event (the consent record by customer) and silver/permission (the decisions that follow)."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from pipelines.derived_table.table import BuildContext, Tables
from privacy.consent.frame import permission_rows

RECORD = "consent/record"
MEMBERSHIP = "consent/membership"


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per entry of the consent record, from files and from commands.

    customer_id is null when the source person belongs to no customer of silver/identifier.
    """
    order = Window.partitionBy("subject_id").orderBy(F.col("from_at").desc())
    ranked = tables[MEMBERSHIP].withColumn("_rank", F.row_number().over(order)).where("_rank = 1")
    belongs = ranked.select("subject_id", F.col("customer_id").alias("_owner"))
    living = tables["silver/identifier"].select("customer_id").distinct()
    rows = tables[RECORD].join(belongs, "subject_id", "left")
    owned = rows.withColumn("_owner", F.coalesce("_owner", "subject_id"))
    return owned.join(living, F.col("_owner") == F.col("customer_id"), "left").drop("_owner")


def build_permission(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer, purpose and period in which the decision is not the purpose's default."""
    agreed = context.agreed
    return permission_rows(tables["silver/consent_event"], tables[MEMBERSHIP], agreed.policy, agreed.controller)
