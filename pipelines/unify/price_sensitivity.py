"""How far price cuts steer a customer: what was bought reduced, how deep, and whether lower prices mean more pieces."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.unify.measure import ratio, total_where

MIN_LINES = 30  # a slope over fewer lines is noise
MIN_PRICE_VARIANCE = 1e-4  # of the logarithm: prices that never moved by about 1 % tell nothing


def price_sensitivity(lines: DataFrame, products: DataFrame) -> DataFrame:
    """Return per customer discount_depth, price_elasticity and shares of spend: discounted, coupon, economy, own label.

    The elasticity proxy is the slope of ln(quantity) on ln(paid piece price / usual piece price) over the customer's
    merchandise lines: -1 says that a tenth off brings a tenth more pieces. Paid price: (sales_value - coupon_discount)
    / quantity; usual price: median_unit_price of silver/product.
    """
    cut = F.col("retail_discount") + F.col("coupon_discount") + F.col("coupon_match_discount")
    sales = F.col("sales_value")
    priced = lines.join(products.select("product_id", "median_unit_price"), "product_id", "left").withColumns(
        {"_x": _log_price(), "_y": F.when(F.col("quantity") > 0, F.ln(F.col("quantity").cast("double")))}
    )
    both = F.col("_x").isNotNull() & F.col("_y").isNotNull()
    x, y = F.when(both, F.col("_x")), F.when(both, F.col("_y"))
    summed = priced.where("is_merchandise").groupBy("customer_id").agg(
        ratio(total_where(cut > 0, sales), F.sum(sales)).alias("discounted_spend_share"),
        ratio(F.sum(cut), F.sum("list_value")).alias("discount_depth"),
        ratio(total_where(F.col("coupon_discount") > 0, sales), F.sum(sales)).alias("coupon_spend_share"),
        ratio(total_where(F.col("price_band") == "economy", sales), F.sum(sales)).alias("economy_spend_share"),
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
