"""Reads the purchases of the Complete Journey; its households are the customers, and all of them permit profiling."""

from __future__ import annotations

import duckdb

from features.recommend.catalogue import Catalogue
from features.recommend.history import PurchaseHistory
from pipelines.simulate.market import package_file

_LINES = """
    SELECT cast(t.household_id AS varchar) AS customer_id, cast(p.{item} AS varchar) AS item,
           cast(timezone('America/New_York', timezone('UTC', t.transaction_timestamp)) AS date) AS order_date,
           cast(t.quantity AS double) AS quantity, cast(t.sales_value AS double) AS sales_value,
           cast(t.sales_value + t.retail_disc + t.coupon_match_disc AS double) AS list_value
    FROM '{transactions}' t JOIN '{products}' p USING (product_id)
    WHERE t.quantity > 0 AND p.{item} IS NOT NULL
      AND NOT coalesce(p.department IN ('FUEL', 'COUPON') OR p.product_category IN
        ('FUEL', 'COUPON', 'COUPON/MISC ITEMS', 'BOTTLE DEPOSITS', 'TICKETS') OR p.product_type LIKE 'GASOLINE%', false)
"""


GROUPS = {"product_type": ("product_category", "department"), "product_id": ("product_type", "product_category")}
"""The narrow and the wide group of an item."""


def read_purchases(item: str) -> tuple[PurchaseHistory, Catalogue]:
    """Return the purchases of merchandise with the catalogue; `item` is `product_type` or `product_id`."""
    query = _LINES.format(item=item, transactions=package_file("transactions"), products=package_file("products"))
    history = PurchaseHistory.of_table(duckdb.connect().sql(query).to_arrow_table())
    narrow, wide = GROUPS[item]
    found = (
        duckdb.connect()
        .execute(
            f"SELECT cast({item} AS varchar), mode({narrow}), mode({wide}) FROM '{package_file('products')}' GROUP BY 1"
        )
        .fetchall()
    )
    known = set(history.items)
    return history, Catalogue.of({one: (type_, category) for one, type_, category in found if one in known})
