"""Builds gold/customer_demographic: age, sex, home, household and occupation from register, account and survey."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer

_BANDS = ((14, "0-13"), (19, "14-18"), (25, "19-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"))
_ACCOUNT = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")
_SURVEY = ("occupation", "education", "housing_type", "pets", "health_diet", "beliefs")


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer of silver/customer. A column is null when no source states it."""
    identifiers = tables["silver/identifier"]
    people = tables["silver/customer"].select("customer_id", "sex", "birth_date", "sido", "sigungu", "dong")
    frame = people.join(_accounts(tables["bronze/cj_demographics"], identifiers), "customer_id", "left").join(
        latest_survey(tables["bronze/lifestyle_survey"], identifiers), "customer_id", "left"
    )
    registered = _age_band(F.col("birth_date"), context)
    is_imputed = F.coalesce("occupation_is_imputed", F.lit(False))
    return frame.select(
        "customer_id", "sex",
        F.coalesce(registered, "age").alias("age_band"),
        F.when(registered.isNotNull(), "register").when(F.col("age").isNotNull(), "account").alias("age_band_source"),
        "sido", "sigungu", "dong", "household_size",
        F.col("household_comp").alias("household_composition"), "kids_count", "marital_status",
        F.when(~is_imputed, F.col("occupation")).alias("occupation"), "education",
        F.col("income").alias("income_band"), "home_ownership", "housing_type", "pets", "health_diet",
        F.when(F.col("beliefs") != "응답거부", F.col("beliefs")).alias("beliefs"),
        F.lit(context.as_of).alias("as_of"),
    )  # fmt: skip


def latest_survey(survey: DataFrame, identifiers: DataFrame) -> DataFrame:
    """Return each customer's newest answer to the lifestyle survey, with the columns of the source.

    Of answers with the same time, the one with the highest response_id is used.
    """
    rows = latest(survey, ["response_id"]).withColumn("_key_member_no", F.col("member_no_token"))
    answered = with_customer(rows, ["member_no"], identifiers).where("customer_id is not null")
    order = Window.partitionBy("customer_id").orderBy(F.col("answered_at").desc(), F.col("response_id").desc())
    return answered.withColumn("_rank", F.row_number().over(order)).where("_rank = 1").drop("_rank")


def _accounts(demographics: DataFrame, identifiers: DataFrame) -> DataFrame:
    rows = latest(demographics, ["household_id_token"]).select(
        *_ACCOUNT, F.col("household_id_token").alias("_key_account_no"), F.col("household_id_token").alias("_account")
    )
    owned = with_customer(rows, ["account_no"], identifiers).where("customer_id is not null")
    order = Window.partitionBy("customer_id").orderBy("_account")
    return owned.withColumn("_rank", F.row_number().over(order)).where("_rank = 1").select("customer_id", *_ACCOUNT)


def _age_band(birth_date: Column, context: BuildContext) -> Column:
    months = F.months_between(F.lit(context.as_of), birth_date)
    band = F.when(birth_date.isNotNull(), F.lit("65+"))
    for end, name in reversed(_BANDS):
        band = F.when(months < end * 12, F.lit(name)).otherwise(band)
    return F.when(birth_date.isNotNull(), band)
