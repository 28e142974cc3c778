"""Finds the customer of each row by its matching keys; the most reliable kind of key decides."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PRIORITY = (
    "member_no", "card_no", "email", "session_id", "order_id", "account_no", "device_id", "name_phone", "phone",
)  # fmt: skip
"""Kinds of keys, the most reliable first. A person's own number comes first, then a visit or an order, whose person
another source states. An account and a device belong to a household. The name and phone on a parcel are the receiver's.
"""

REFERENCE_KINDS = ("session_id", "order_id")
"""Kinds of keys whose customer another source states, see silver/session_order_customer."""


def with_customer(
    rows: DataFrame, keys: Sequence[str], identifiers: DataFrame, references: DataFrame | None = None
) -> DataFrame:
    """Return the rows with `customer_id` and `resolved_by`, the kind of the key that decided.

    Both are null for a row without a known key. The columns `_key_<kind>` are dropped.

    Args:
        rows: rows with a column `_key_<kind>` for each kind in `keys`.
        keys: kinds of keys of the rows: matching keys, session_id and order_id.
        identifiers: silver/identifier.
        references: silver/session_order_customer; needed only when session_id or order_id is among the keys.
    """
    ordered = [kind for kind in PRIORITY if kind in keys]
    frame = rows
    for kind in ordered:
        frame = frame.join(_customers(kind, identifiers, references), f"_key_{kind}", "left")
    found = [F.col(f"_by_{kind}") for kind in ordered]
    by = F.lit(None).cast("string")
    for kind in reversed(ordered):
        by = F.when(F.col(f"_by_{kind}").isNotNull(), F.lit(kind)).otherwise(by)
    # The additional null is for Sail 0.7: without it the metadata of a single column is kept, and a union then fails.
    customer = F.coalesce(*found, F.lit(None).cast("string"))
    frame = frame.withColumns({"customer_id": customer, "resolved_by": by})
    return frame.drop(*(f"_key_{kind}" for kind in keys), *(f"_by_{kind}" for kind in ordered))


def _customers(kind: str, identifiers: DataFrame, references: DataFrame | None) -> DataFrame:
    if kind in REFERENCE_KINDS and references is not None:
        keys = references.where(F.col("reference_kind") == kind).withColumnRenamed("reference", "token")
    else:
        keys = identifiers.where(F.col("token_kind") == kind)
    return keys.select(F.col("token").alias(f"_key_{kind}"), F.col("customer_id").alias(f"_by_{kind}"))
