"""Builds silver/product: the product file with package contents, usual prices, price bands and first sales."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import median
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.product_label import readable_labels

UNKNOWN = "Unknown"
PIECE, FUEL_UNIT = "piece", "0.001 gal"
"""What `quantity` counts: pieces, or thousandths of a US gallon of fuel. docs/decisions/0047 has the evidence."""
_NO_GOODS = ("COUPON", "COUPON/MISC ITEMS", "BOTTLE DEPOSITS", "TICKETS")
"""Categories of the product file that hold coupons, gift cards, deposits and other entries that nobody prefers."""
_LABELLED = ("department", "product_category", "product_type")
_LARGEST_CONTENT = 100_000.0
"""100 kg, 100 l or 100,000 pieces. A package that claims more has a misprinted size, such as 83718713 OZ."""
MIN_COMPARABLE = 3  # fewer products cannot be divided into thirds
_PACKAGE = r"^([0-9]+(?:\.[0-9]+)?|\.[0-9]+) *(OZ|LB|ML|LT|L|GAL|GA|QT|PT|CT|PK|DZ)S?\b"
_UNITS = {  # unit as printed: (unit of content, content of one); exact by the international yard and pound agreement
    "OZ": ("g", 28.349523125),
    "LB": ("g", 453.59237),
    "ML": ("ml", 1.0),
    "L": ("ml", 1000.0),
    "LT": ("ml", 1000.0),
    "GAL": ("ml", 3785.411784),
    "GA": ("ml", 3785.411784),
    "QT": ("ml", 946.352946),
    "PT": ("ml", 473.176473),
    "CT": ("count", 1.0),
    "PK": ("count", 1.0),
    "DZ": ("count", 12.0),
}


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per product that is listed in bronze/cj_products or sold in bronze/cj_transactions."""
    products = tables["bronze/cj_products"].select(
        "product_id", "manufacturer_id", "department", F.col("brand").alias("brand_type"),
        "product_category", "product_type", "package_size", F.lit(True).alias("_listed"),
    )  # fmt: skip
    frame = products.join(_sales(tables["bronze/cj_transactions"]), "product_id", "full_outer")
    frame = frame.withColumns({
        "is_merchandise": _is_merchandise(),
        "quantity_unit": F.when(_is_fuel(), FUEL_UNIT).otherwise(PIECE),
        "line_count": F.coalesce("line_count", F.lit(0)),
    })  # fmt: skip
    frame = _with_labels(frame, tables["bronze/cj_products"], context)
    frame = frame.withColumn("product_category", F.coalesce("product_category", F.lit(UNKNOWN)))
    return _with_price_band(_with_package(frame))


def _with_labels(frame: DataFrame, products: DataFrame, context: BuildContext) -> DataFrame:
    """Return the rows with labels in place of the codes of department, category and type."""
    kinds = products.select(*_LABELLED).distinct().collect()
    labels = readable_labels(code for kind in kinds for code in kind if code is not None)
    known = context.spark.createDataFrame(list(labels.items()), "_code string, _label string")
    for name in _LABELLED:
        label = known.withColumnRenamed("_code", name)
        frame = frame.join(label, name, "left").drop(name).withColumnRenamed("_label", name)
    return frame


def _is_fuel() -> Column:
    is_gasoline = F.col("product_type").startswith("GASOLINE")
    listed = [F.col("department") == "FUEL", F.col("product_category") == "FUEL", is_gasoline]
    return reduce(Column.__or__, (F.coalesce(condition, F.lit(False)) for condition in listed))


def _sales(lines: DataFrame) -> DataFrame:
    regular = F.col("sales_value") + F.col("retail_disc") + F.col("coupon_match_disc")
    piece_price = F.when(F.col("quantity") > 0, regular.cast("double") / F.col("quantity").cast("double"))
    sold_on = F.to_date("transaction_timestamp")
    return lines.groupBy("product_id").agg(
        median(piece_price).alias("median_unit_price"),
        F.min(sold_on).alias("first_sold_on"),
        F.max(sold_on).alias("last_sold_on"),
        F.count(F.lit(1)).alias("line_count"),
    )


def _is_merchandise() -> Column:
    is_no_good = (F.col("department") == "COUPON") | F.col("product_category").isin(*_NO_GOODS)
    return F.coalesce("_listed", F.lit(False)) & ~_is_fuel() & ~F.coalesce(is_no_good, F.lit(False))


def _with_package(frame: DataFrame) -> DataFrame:
    text = F.upper(F.trim("package_size"))
    amount = F.expr("nullif(_amount, '')").cast("double")
    printed = F.col("_printed_unit")
    unit, content = F.lit(None).cast("string"), F.lit(None).cast("double")
    for name, (kind, factor) in _UNITS.items():
        unit = F.when(printed == name, F.lit(kind)).otherwise(unit)
        content = F.when(printed == name, F.col("package_amount") * F.lit(factor)).otherwise(content)
    frame = frame.withColumns({
        "_amount": F.regexp_extract(text, _PACKAGE, 1),
        "_printed_unit": F.regexp_extract(text, _PACKAGE, 2),
    }).withColumn("package_amount", amount)  # fmt: skip
    frame = frame.withColumns({"package_unit": unit, "package_content": content})
    is_believable = F.col("package_content") <= _LARGEST_CONTENT
    sizes = ("package_amount", "package_unit", "package_content")
    frame = frame.withColumns({name: F.when(is_believable, F.col(name)) for name in sizes})
    band = _third(["product_category", "package_unit"], "package_content", ("small", "medium", "large"))
    return frame.withColumn("package_band", band)


def _with_price_band(frame: DataFrame) -> DataFrame:
    frame = frame.withColumn("_price", F.when(F.col("is_merchandise"), F.col("median_unit_price")))
    band = _third(["product_category"], "_price", ("economy", "standard", "premium"))
    return frame.withColumn("price_band", F.when(F.col("_price").isNotNull(), F.coalesce(band, F.lit("standard"))))


def _third(group: list[str], value: str, names: tuple[str, str, str]) -> Column:
    """Return the name of the third to which the value belongs within its group.

    Null when the value is null or when the group has fewer than MIN_COMPARABLE values.
    """
    known = F.col(value).isNotNull()
    within = Window.partitionBy(*group, known)
    third = F.ntile(3).over(within.orderBy(value, "product_id"))
    low, middle, high = names
    name = F.when(third == 1, low).when(third == 2, middle).otherwise(high)
    return F.when(known & (F.count(F.lit(1)).over(within) >= MIN_COMPARABLE), name)
