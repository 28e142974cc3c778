"""Builds silver/customer: one row per person or account without a person, without direct identifiers."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where, distinct_count
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer

_STATUS = {"정상": "active", "휴면": "dormant", "탈퇴": "withdrawn"}  # the most active first
_KEY_COUNTS = {
    "account_count": "account_no", "email_count": "email", "phone_count": "phone", "device_count": "device_id",
}  # fmt: skip


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer of silver/identifier, with values from bronze/crm_customer and bronze/loyalty_card.

    Values are null, and counts 0, for a customer without an entry there. Sex and birth date are then those of the
    golden record, which has the values of all other registers.
    """
    identifiers = tables["silver/identifier"]
    keys = identifiers.groupBy("customer_id").agg(
        *(count_where(F.col("token_kind") == kind).alias(name) for name, kind in _KEY_COUNTS.items()),
        count_where(F.col("method") == "principal").alias("_principal_of"),
        F.max("changed_at").alias("changed_at"),
    )
    registered = _registrations(tables["bronze/crm_customer"], identifiers)
    frame = (
        keys.join(_newest(registered), "customer_id", "left")
        .join(_newest_stated(registered, "sex", ["sex"]), "customer_id", "left")
        .join(_newest_stated(registered, "birth_date", ["birth_date"]), "customer_id", "left")
        .join(_summary(registered), "customer_id", "left")
        .join(_cards(tables["bronze/loyalty_card"], identifiers), "customer_id", "left")
        .join(_golden(tables["silver/customer_attribute"]), "customer_id", "left")
    ).withColumns({name: F.coalesce(name, f"_{name}") for name in ("sex", "birth_date")})
    return frame.withColumns({
        "birth_year": F.year("birth_date"),
        "is_principal": F.col("_principal_of") > 0,
        **{name: F.coalesce(name, F.lit(0)) for name in ("registration_count", "address_count", "card_count")},
    })  # fmt: skip


def _registrations(register: DataFrame, identifiers: DataFrame) -> DataFrame:
    rows = latest(register, ["member_no_token"]).select(
        "sex", F.col("birth_date").try_cast("date").alias("birth_date"), "sido", "sigungu", "dong", "postal_code",
        "status", "joined_on", "updated_at", F.col("member_no_token").alias("_member"),
        F.col("member_no_token").alias("_key_member_no"),
    )  # fmt: skip
    return with_customer(rows, ["member_no"], identifiers).where("customer_id is not null")


def _golden(attributes: DataFrame) -> DataFrame:
    """Return the sex and birth date of each customer in the golden record."""
    value = {name: F.max(F.when(F.col("attribute") == name, F.col("value"))) for name in ("sex", "birth_date")}
    return attributes.groupBy("customer_id").agg(
        value["sex"].alias("_sex"), value["birth_date"].try_cast("date").alias("_birth_date")
    )


def _newest(registered: DataFrame) -> DataFrame:
    order = Window.partitionBy("customer_id").orderBy(F.col("updated_at").desc(), F.col("_member").asc())
    ranked = registered.withColumn("_rank", F.row_number().over(order)).where("_rank = 1")
    return ranked.select("customer_id", "sido", "sigungu", "dong", "postal_code")


def _newest_stated(registered: DataFrame, needed: str, columns: list[str]) -> DataFrame:
    order = Window.partitionBy("customer_id").orderBy(F.col("updated_at").desc(), F.col("_member").asc())
    stated = registered.where(F.col(needed).isNotNull())
    ranked = stated.withColumn("_rank", F.row_number().over(order)).where("_rank = 1")
    return ranked.select("customer_id", *columns)


def _summary(registered: DataFrame) -> DataFrame:
    rank = F.lit(None).cast("int")
    for number, stated in enumerate(_STATUS):
        rank = F.when(F.col("status") == stated, number).otherwise(rank)
    summary = registered.withColumn("_state", rank).groupBy("customer_id").agg(
        F.min("joined_on").alias("joined_on"),
        F.count(F.lit(1)).alias("registration_count"),
        distinct_count(F.concat_ws(" ", "sido", "sigungu", "dong")).alias("address_count"),
        F.min("_state").alias("_state"),
    )  # fmt: skip
    name = F.lit(None).cast("string")
    for number, status in enumerate(_STATUS.values()):
        name = F.when(F.col("_state") == number, status).otherwise(name)
    return summary.withColumn("member_status", name).drop("_state")


def _cards(cards: DataFrame, identifiers: DataFrame) -> DataFrame:
    rows = latest(cards, ["card_no_token"]).select(
        "card_type", "point_balance", "issued_on", F.col("card_no_token").alias("_card"),
        F.col("card_no_token").alias("_key_card_no"),
    )  # fmt: skip
    owned = with_customer(rows, ["card_no"], identifiers).where("customer_id is not null")
    order = Window.partitionBy("customer_id").orderBy(F.col("issued_on").desc(), F.col("_card").asc())
    ranked = owned.withColumn("_rank", F.row_number().over(order))
    return ranked.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("card_count"),
        F.sum("point_balance").cast("bigint").alias("point_balance"),
        F.max(F.when(F.col("_rank") == 1, F.col("card_type"))).alias("card_type"),
    )
