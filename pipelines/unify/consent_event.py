"""silver/consent_event: the consent record with the customer who spoke."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.unify.customer_of import with_customer
from pipelines.unify.deduplicate import latest
from pipelines.unify.table import BuildContext, Tables

_KEPT = (
    "record_id", "controller", "purpose", "data_categories", "notice_version", "notice_language", "recipients",
    "jurisdiction", "method", "state", "recorded_at", "expressed_by", "evidence_hash", "supersedes",
)  # fmt: skip


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row a consent record of bronze/consent_event."""
    rows = latest(tables["bronze/consent_event"], ["record_id"]).select(
        *_KEPT,
        F.col("event_at").alias("effective_at"),
        (F.col("event_at") + F.make_dt_interval(days=F.col("valid_days"))).alias("expires_at"),
        F.col("member_no_token").alias("_key_member_no"),
    )
    return with_customer(rows, ["member_no"], tables["silver/identifier"], {}).drop("resolved_by")
