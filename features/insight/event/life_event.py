"""Finds moves and changes of name from deliveries and from the dated entries of the registers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.insight.event.change_point import KEYS, ChangeModel, changes

MOVE = ChangeModel(prior=0.12, error=0.1, certain_from=0.8)
"""One person in eight moves in a year (Statistics Korea, internal migration). One delivery in ten goes elsewhere."""
NAME = ChangeModel(prior=0.01, error=0.05, certain_from=0.8)
"""Names are compared as tokens, so a misspelt name is a different one: about one entry in twenty."""
_PICKUP = "pickup"


def life_event(
    orders: DataFrame, identifiers: DataFrame, register: DataFrame, cards: DataFrame, days: Sequence[date]
) -> DataFrame:
    """Return one row per customer and day of `days` with two dated statements of the home or of the name.

    A home is a neighbourhood, as deliveries and the membership register state it; the goods of a pickup go to no home.
    A change of name is all that registers show of a marriage, and only where people take another name.

    Args:
        orders: gold/order_history.
        identifiers: silver/identifier; its customers are those who are judged.
        register: bronze/crm_customer in standard form.
        cards: bronze/loyalty_card in standard form.
        days: the days for which events are looked for.
    """
    entries = _entries(register, identifiers)
    issued = _owned(cards, "card_no", identifiers)
    names = entries.select("customer_id", "day", F.col("name_token").alias("value")).unionByName(
        issued.select("customer_id", F.col("issued_on").alias("day"), F.col("member_name_token").alias("value"))
    )
    moves = changes(stated_homes(orders, identifiers, register), days, MOVE).select(
        *KEYS,
        F.col("probability").alias("move_probability"),
        F.col("changed_after").alias("moved_after"),
        F.col("changed_by").alias("moved_by"),
    )
    renamed = changes(_stated(names), days, NAME).select(
        *KEYS,
        F.col("probability").alias("name_change_probability"),
        F.col("changed_by").alias("name_changed_by"),
    )
    return moves.join(renamed, KEYS, "full_outer")


def stated_homes(orders: DataFrame, identifiers: DataFrame, register: DataFrame) -> DataFrame:
    """Return the dated statements of homes: customer_id, day and value = neighbourhood. Inputs as of `life_event`."""
    delivered = orders.where(F.col("customer_id").isNotNull() & (F.col("delivery_method") != _PICKUP)).select(
        "customer_id", F.col("order_date").alias("day"), _place("delivery_sigungu", "delivery_dong")
    )
    entries = _entries(register, identifiers).select("customer_id", "day", _place("sigungu", "dong"))
    return _stated(delivered.unionByName(entries))


def _entries(register: DataFrame, identifiers: DataFrame) -> DataFrame:
    """Return the entries of the membership register with their customer and `day`, the day of their last change."""
    day = F.coalesce(F.to_date("updated_at"), F.col("joined_on"))
    return _owned(register, "member_no", identifiers).withColumn("day", day)


def _owned(rows: DataFrame, kind: str, identifiers: DataFrame) -> DataFrame:
    """Return the rows of a register with their customer, and without rows of nobody in `identifiers`."""
    owner = identifiers.where(F.col("token_kind") == kind).select("customer_id", F.col("token").alias("_token"))
    return rows.join(owner, F.col(f"{kind}_token") == F.col("_token")).drop("_token")


def _place(*parts: str) -> Column:
    """Return the parts of an address as one text; null if one of them is null."""
    return F.concat(F.col(parts[0]), F.lit(" "), F.col(parts[1])).alias("value")


def _stated(statements: DataFrame) -> DataFrame:
    """Return each statement once: two loads of one entry, or two parcels of one day, are one statement."""
    return statements.where("day is not null and value is not null").distinct()
