"""Computes what a customer prefers to buy: categories and brands with share and affinity, and a basket embedding.

Affinity (lift) is the customer's share of spend on a category divided by the share of all customers together. The
embedding projects the square roots of the category shares (Hellinger) on EMBEDDING_SIZE random directions of +1 and -1.
The dot product of two embeddings estimates the Bhattacharyya coefficient of the two customers' shares, with a standard
error of about 1 / sqrt(EMBEDDING_SIZE). (W. Johnson, J. Lindenstrauss 1984; D. Achlioptas 2003, signs suffice.) The
signs are bits of a category's CRC-32, so an embedding needs no training and never depends on later baskets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import ratio
from features.transform.snapshot import at_each_day

WINDOW_DAYS = 365
TOP = 5
"""Length of the lists of categories and brands."""
EMBEDDING_SIZE = 32
"""Bits of a CRC-32."""
_KEYS = ["customer_id", "as_of"]


def affinity(lines: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` with spend on merchandise in the WINDOW_DAYS days before.

    Args:
        lines: silver/order_line.
        days: the days for which features are computed.
    """
    goods = lines.where("customer_id is not null and is_merchandise and sales_value > 0")
    categories = _shares(goods, "product_category", days)
    embedded = categories.withColumn("_bits", F.crc32("product_category"))
    embedded = embedded.groupBy(*_KEYS).agg(
        *_top("product_category"),
        *(F.sum(_sign(n) * F.sqrt("share")).alias(f"_{n}") for n in _axes()),
    )
    brands = _shares(goods, "manufacturer_id", days).groupBy(*_KEYS).agg(*_top("manufacturer_id"))
    scale = EMBEDDING_SIZE**-0.5
    return _lists(embedded, "product_category", "categories", "category").withColumn(
        "basket_embedding", F.array(*(F.col(f"_{n}") * scale for n in _axes()))
    ).drop(*(f"_{n}" for n in _axes())).join(
        _lists(brands, "manufacturer_id", "brands", "brand"), _KEYS, "left"
    )  # fmt: skip


def _shares(goods: DataFrame, thing: str, days: Sequence[date]) -> DataFrame:
    """Return one row per customer, day and thing: spend, share of the customer's spend, and affinity.

    The sums over all customers come from sums by day, which are few rows. A window over a day's rows of all customers
    would sort them all at once, which takes more memory than a shop of 25,000 customers leaves it.
    """
    known = goods.where(F.col(thing).isNotNull())
    own = _spent(known, ["customer_id", thing], days)
    share = ratio(F.col("spent"), F.sum("spent").over(Window.partitionBy(*_KEYS)))
    everyone = _spent(known, [thing], days).withColumn(
        "_everyone", ratio(F.col("spent"), F.sum("spent").over(Window.partitionBy("as_of")))
    )  # fmt: skip
    shared = own.withColumn("share", share).join(F.broadcast(everyone.drop("spent")), ["as_of", thing])
    return shared.withColumn("affinity", ratio(F.col("share"), F.col("_everyone"))).drop("_everyone")


def _spent(goods: DataFrame, keys: Sequence[str], days: Sequence[date]) -> DataFrame:
    """Return the spend of each key in the window of each day, as `spent`."""
    daily = goods.groupBy(*keys, "order_date").agg(F.sum("sales_value").alias("sales_value"))
    each = at_each_day(daily, "order_date", days, WINDOW_DAYS)
    return each.groupBy(*keys, "as_of").agg(F.sum("sales_value").cast("double").alias("spent"))


def _top(thing: str) -> list[Column]:
    """Return the aggregate `_entries`: the TOP things by spend; on a tie, the smallest name first."""
    entry = F.struct((-F.col("spent")).alias("rank"), F.col(thing).alias("thing"), "share", "affinity")
    return [F.slice(F.array_sort(F.collect_list(entry)), 1, TOP).alias("_entries")]


def _lists(frame: DataFrame, thing: str, names: str, name: str) -> DataFrame:
    return frame.withColumns({
        f"top_{names}": F.transform("_entries", lambda one: one["thing"]),
        f"top_{name}_shares": F.transform("_entries", lambda one: one["share"]),
        f"top_{name}_affinities": F.transform("_entries", lambda one: one["affinity"]),
    }).drop("_entries")  # fmt: skip


def _axes() -> range:
    return range(EMBEDDING_SIZE)


def _sign(bit: int) -> Column:
    is_set = F.pmod(F.floor(F.col("_bits") / F.lit(2**bit)), F.lit(2)) == 1
    return F.when(is_set, 1.0).otherwise(-1.0)
