"""Makes the score input of the Complete Journey: its households are the customers, and all of them permit profiling."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from features.insight.model.score_input import customer_score_input
from installation.settings import load_settings
from pipelines.engine.session import open_engine
from pipelines.simulate.market import package_file

_LINES = """
    SELECT cast(t.household_id AS varchar) AS customer_id, cast(t.basket_id AS bigint) AS order_id,
           cast(timezone('America/New_York', timezone('UTC', t.transaction_timestamp)) AS timestamp) AS ordered_at,
           cast(timezone('America/New_York', timezone('UTC', t.transaction_timestamp)) AS date) AS order_date,
           cast(t.store_id AS bigint) AS store_id, cast(t.quantity AS bigint) AS quantity,
           cast(t.sales_value AS decimal(12,2)) AS sales_value, cast(t.retail_disc AS decimal(12,2)) AS retail_discount,
           cast(t.coupon_disc AS decimal(12,2)) AS coupon_discount,
           cast(t.coupon_match_disc AS decimal(12,2)) AS coupon_match_discount,
           cast(t.sales_value + t.retail_disc + t.coupon_match_disc AS decimal(12,2)) AS list_value,
           coalesce(p.product_category, 'Unknown') AS product_category, p.brand AS brand_type,
           p.product_id IS NOT NULL AND NOT coalesce(p.department = 'FUEL' OR p.product_category = 'FUEL'
             OR p.product_type LIKE 'GASOLINE%', false)
             AND NOT coalesce(p.department = 'COUPON' OR p.product_category IN
             ('COUPON', 'COUPON/MISC ITEMS', 'BOTTLE DEPOSITS', 'TICKETS'), false) AS is_merchandise
    FROM '{transactions}' t LEFT JOIN '{products}' p USING (product_id)
"""


def score_input(days: Sequence[date], horizon_days: int) -> pa.Table:
    """Return gold/customer_score_input of the households for these days."""
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder:
        lines = Path(folder, "lines.parquet")
        query = _LINES.format(transactions=package_file("transactions"), products=package_file("products"))
        duckdb.execute(f"COPY ({query}) TO '{lines}' (FORMAT parquet)")
        with open_engine(load_settings(engine="sail", data_dir=Path(folder))) as engine:
            found = customer_score_input(engine.spark.read.parquet(str(lines)), days, horizon_days=horizon_days)
            return found.toArrow()
