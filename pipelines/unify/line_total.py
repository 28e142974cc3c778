"""Checks that sales value, quantity and number of orders are equal in bronze, silver and gold, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SOURCE = "bronze/cj_transactions"
COUNTED = (SOURCE, "silver/order_line", "gold/order_history")
"""Tables that hold every line or order. Bronze holds the landed rows without those in quarantine."""


@dataclass(frozen=True)
class LineTotals:
    """Total sales value (USD), total quantity and number of orders of one table."""

    table: str
    sales_value: Decimal
    quantity: int
    order_count: int

    def differs_from(self, other: LineTotals) -> list[str]:
        """Return one sentence per total that differs from the other table's; empty when all are equal."""
        names = ("sales_value", "quantity", "order_count")
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return [
            f"{name} of {self.table} is {mine}, but {theirs} in {other.table}"
            for name, mine, theirs in pairs
            if mine != theirs
        ]


def line_totals(table: str, frame: DataFrame) -> LineTotals:
    """Return the totals of one of the tables in COUNTED. Gold holds the quantity of fuel in a column of its own."""
    order = "basket_id" if table == SOURCE else "order_id"
    is_gold = table.startswith("gold/")
    count = F.count(F.lit(1)) if is_gold else F.countDistinct(order)
    quantity = F.col("quantity") + F.col("fuel_quantity") if is_gold else F.col("quantity")
    row = frame.agg(F.sum("sales_value"), F.sum(quantity), count).collect()[0]
    return LineTotals(table, Decimal(row[0] or 0), int(row[1] or 0), int(row[2]))


def broken_totals(tables: Mapping[str, DataFrame]) -> list[str]:
    """Return one sentence per total of a derived table that differs from bronze; empty when all are equal.

    Raises:
        KeyError: one of the tables in COUNTED is missing, so the totals cannot be checked.
    """
    source = line_totals(SOURCE, tables[SOURCE])
    return [fault for name in COUNTED[1:] for fault in line_totals(name, tables[name]).differs_from(source)]
