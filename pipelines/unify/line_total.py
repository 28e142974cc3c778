"""The line totals that must survive from the source to gold, to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SOURCE = "bronze/cj_transactions"
COUNTED = (SOURCE, "silver/order_line", "gold/order_history")
"""Tables that carry every line or order; bronze is the source less what is in quarantine."""


@dataclass(frozen=True)
class LineTotals:
    """Sales value, quantity and number of orders of one table."""

    table: str
    sales_value: Decimal
    quantity: int
    order_count: int

    def differs_from(self, other: LineTotals) -> list[str]:
        """Return what differs, each as one sentence."""
        names = ("sales_value", "quantity", "order_count")
        pairs = [(name, getattr(self, name), getattr(other, name)) for name in names]
        return [
            f"{name} of {self.table} is {mine}, of {other.table} {theirs}" for name, mine, theirs in pairs if mine != theirs
        ]


def line_totals(table: str, frame: DataFrame) -> LineTotals:
    """Return the totals of one of the tables in COUNTED."""
    order = "basket_id" if table == SOURCE else "order_id"
    count = F.count(F.lit(1)) if table.startswith("gold/") else F.countDistinct(order)
    row = frame.agg(F.sum("sales_value"), F.sum("quantity"), count).collect()[0]
    return LineTotals(table, Decimal(row[0] or 0), int(row[1] or 0), int(row[2]))


def broken_totals(tables: Mapping[str, DataFrame]) -> list[str]:
    """Return every total of the derived tables that is not the source's; empty when all survive.

    Raises:
        KeyError: one of the tables in COUNTED is missing, so that the totals could not be checked.
    """
    source = line_totals(SOURCE, tables[SOURCE])
    return [fault for name in COUNTED[1:] for fault in line_totals(name, tables[name]).differs_from(source)]
