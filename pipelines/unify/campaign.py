"""Computes a customer's response to campaigns: campaigns received and coupons redeemed."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.transform.measure import ratio
from pipelines.derived_table.table import Tables
from pipelines.unify.customer_of import with_customer


def campaign_response(tables: Tables) -> DataFrame:
    """Return one row per customer who received a campaign or redeemed a coupon.

    Columns: campaign_count, campaign_redeemed_count, campaign_response_rate and coupon_redemption_count.
    """
    received = received_campaigns(tables)
    redeemed = _of_accounts(
        tables["bronze/cj_coupon_redemptions"], tables, ["campaign_id", "coupon_upc", "redemption_date"]
    )
    used = redeemed.select("customer_id", "campaign_id").distinct().withColumn("_used", F.lit(1))
    coupons = redeemed.groupBy("customer_id").agg(F.count(F.lit(1)).alias("coupon_redemption_count"))
    campaigns = (
        received.join(used, ["customer_id", "campaign_id"], "left")
        .groupBy("customer_id")
        .agg(F.count(F.lit(1)).alias("campaign_count"), F.count("_used").alias("campaign_redeemed_count"))
    )
    rate = ratio(F.col("campaign_redeemed_count"), F.col("campaign_count"))
    return campaigns.join(coupons, "customer_id", "full_outer").withColumn("campaign_response_rate", rate)


def received_campaigns(tables: Tables) -> DataFrame:
    """Return one row per customer and campaign received: customer_id, campaign_id."""
    return _of_accounts(tables["bronze/cj_campaigns"], tables, ["campaign_id"]).distinct()


def campaign_days(tables: Tables) -> DataFrame:
    """Return one row per customer and day on which a received campaign ran: customer_id, calendar_date."""
    runs = tables["bronze/cj_campaign_descriptions"].select("campaign_id", "start_date", "end_date").distinct()
    day = F.explode(F.sequence(F.col("start_date"), F.col("end_date"))).alias("calendar_date")
    return received_campaigns(tables).join(runs, "campaign_id").select("customer_id", day).distinct()


def _of_accounts(frame: DataFrame, tables: Tables, columns: list[str]) -> DataFrame:
    rows = frame.select(*columns, F.col("household_id_token").alias("_key_account_no")).distinct()
    resolved = with_customer(rows, ["account_no"], tables["silver/identifier"])
    return resolved.where("customer_id is not null").select("customer_id", *columns)
