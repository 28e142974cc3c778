"""Computes price sensitivity: spend at reduced prices, depth of discount, and reaction of quantity to price."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.transform.measure import at_most, ratio, total_where

MIN_LINES = 30  # with fewer lines the slope is mostly noise
MIN_PRICE_VARIANCE = 1e-4  # variance of the log price, about 1 % deviation; below it the slope cannot be estimated


def price_sensitivity(lines: DataFrame, products: DataFrame) -> DataFrame:
    """Return one row per customer: discount_depth, price_elasticity and shares of spend.

    The shares are discounted_spend_share, coupon_spend_share, economy_spend_share and private_label_share.
    price_elasticity is the least-squares slope of ln(quantity) on ln(paid unit price / usual unit price) over the
    customer's merchandise lines. -1 means that a price 10 % lower goes with about 10 % more pieces. It is null with
    fewer than MIN_LINES lines or a log-price variance of at most MIN_PRICE_VARIANCE.
    Paid unit price: (sales_value - coupon_discount) / quantity. Usual unit price: median_unit_price of silver/product.

    Args:
        lines: silver/order_line, without rows that have no customer.
        products: silver/product.
    """
    cut = F.col("retail_discount") + F.col("coupon_discount") + F.col("coupon_match_discount")
    sales = F.col("sales_value")
    banded = F.sum(F.when(F.col("price_band").isNotNull(), sales))
    priced = lines.join(products.select("product_id", "median_unit_price"), "product_id", "left").withColumns(
        {"_x": _log_price(), "_y": F.when(F.col("quantity") > 0, F.ln(F.col("quantity").cast("double")))}
    )
    both = F.col("_x").isNotNull() & F.col("_y").isNotNull()
    x, y = F.when(both, F.col("_x")), F.when(both, F.col("_y"))
    summed = priced.where("is_merchandise").groupBy("customer_id").agg(
        ratio(total_where(cut > 0, sales), F.sum(sales)).alias("discounted_spend_share"),
        at_most(ratio(F.sum(cut), F.sum("list_value")), 1.0).alias("discount_depth"),
        ratio(total_where(F.col("coupon_discount") > 0, sales), F.sum(sales)).alias("coupon_spend_share"),
        ratio(total_where(F.col("price_band") == "economy", sales), banded).alias("economy_spend_share"),
        ratio(total_where(F.col("brand_type") == "Private", sales), F.sum(sales)).alias("private_label_share"),
        F.count(x).alias("_n"),
        F.covar_pop(x, y).alias("_covariance"),
        F.var_pop(x).alias("_variance"),
    )  # fmt: skip
    usable = (F.col("_n") >= MIN_LINES) & (F.col("_variance") > MIN_PRICE_VARIANCE)
    slope = F.when(usable, F.col("_covariance") / F.col("_variance"))
    return summed.withColumn("price_elasticity", slope).drop("_n", "_covariance", "_variance")


def _log_price() -> Column:
    paid = (F.col("sales_value") - F.col("coupon_discount")).cast("double") / F.col("quantity").cast("double")
    has_price = (F.col("sales_value") > F.col("coupon_discount")) & (F.col("median_unit_price") > 0)
    usable = (F.col("quantity") > 0) & has_price
    return F.when(usable, F.ln(paid / F.col("median_unit_price")))
