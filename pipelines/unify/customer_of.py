"""Finds the customer of rows by their matching keys, in the order of how surely a key tells."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PRIORITY = (
    "member_no", "card_no", "email", "session_id", "order_id", "account_no", "device_id", "name_phone", "phone",
)  # fmt: skip
"""A member who says who she is goes first; then the visit and the order, whose person is known from elsewhere; a
household's account before a device, and last the name and phone, which on a parcel are the receiver's."""

REFERENCE_KINDS = ("session_id", "order_id")
"""Keys whose customer is known through another source, see silver/session_order_customer."""


def with_customer(
    rows: DataFrame, keys: Sequence[str], identifiers: DataFrame, references: DataFrame | None = None
) -> DataFrame:
    """Return the rows with `customer_id` and `resolved_by` added, and the key columns `_key_<kind>` dropped.

    Args:
        rows: any rows with a column `_key_<kind>` for each kind in `keys`.
        keys: kinds of keys present: matching keys, session_id and order_id.
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
    # The null keeps Sail 0.7 from passing on the metadata of a lone column, which a union would then trip over.
    customer = F.coalesce(*found, F.lit(None).cast("string"))
    frame = frame.withColumns({"customer_id": customer, "resolved_by": by})
    return frame.drop(*(f"_key_{kind}" for kind in keys), *(f"_by_{kind}" for kind in ordered))


def _customers(kind: str, identifiers: DataFrame, references: DataFrame | None) -> DataFrame:
    if kind in REFERENCE_KINDS and references is not None:
        keys = references.where(F.col("reference_kind") == kind).withColumnRenamed("reference", "token")
    else:
        keys = identifiers.where(F.col("token_kind") == kind)
    return keys.select(F.col("token").alias(f"_key_{kind}"), F.col("customer_id").alias(f"_by_{kind}"))
