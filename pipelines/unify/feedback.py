"""Builds gold/customer_feedback: reviews, support tickets, satisfaction, recommendations and Net Promoter Score."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.transform.measure import count_where, most_frequent, ratio, seconds_between, share_where
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer

_ZEROES = (
    "review_count", "support_ticket_count", "open_ticket_count", "nps_asked_count", "nps_answer_count",
    "recommendation_count",
)  # fmt: skip

TREND_SPAN_DAYS = 180
"""Answers that lie closer together give no trend: a change of one point within a day would be 365 points per year."""


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with at least one review, ticket, NPS survey or recommendation shown."""
    identifiers = tables["silver/identifier"]
    reviews = _of_customers(tables["bronze/review"], "review_id", ["member_no", "email"], identifiers)
    tickets = _of_customers(tables["bronze/support_ticket"], "ticket_id", ["email", "phone"], identifiers)
    surveys = _of_customers(tables["bronze/nps_survey"], "response_id", ["member_no"], identifiers)
    shown = _of_customers(tables["bronze/recommendation_event"], "recommendation_id", ["member_no"], identifiers)
    parts = [
        _reviews(reviews),
        _tickets(tickets).join(
            most_frequent(tickets, ["customer_id"], "topic", "top_ticket_topic"), "customer_id", "left"
        ),
        _nps(surveys),
        _recommendations(shown).join(_best_slot(shown), "customer_id", "left"),
    ]
    joined = reduce(lambda left, right: left.join(right, "customer_id", "full_outer"), parts)
    return joined.withColumns({
        **{name: F.coalesce(name, F.lit(0)) for name in _ZEROES},
        "as_of": F.lit(context.as_of),
    })  # fmt: skip


def _of_customers(frame: DataFrame, key: str, kinds: list[str], identifiers: DataFrame) -> DataFrame:
    rows = latest(frame, [key]).withColumns({f"_key_{kind}": F.col(f"{kind}_token") for kind in kinds})
    return with_customer(rows, kinds, identifiers).where("customer_id is not null")


def _reviews(reviews: DataFrame) -> DataFrame:
    order = Window.partitionBy("customer_id").orderBy(F.col("created_at").desc(), F.col("review_id").desc())
    return reviews.withColumn("_rank", F.row_number().over(order)).groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("review_count"),
        F.avg("rating").alias("mean_rating"),
        F.max(F.when(F.col("_rank") == 1, F.col("rating"))).alias("last_rating"),
        share_where(F.col("rating") <= 2).alias("negative_review_share"),
        share_where(F.coalesce("photo_count", F.lit(0)) > 0).alias("photo_review_share"),
        F.sum("helpful_count").cast("bigint").alias("helpful_count"),
        F.max("created_at").alias("last_review_at"),
    )  # fmt: skip


def _tickets(tickets: DataFrame) -> DataFrame:
    hours = seconds_between(F.col("closed_at"), F.col("opened_at")) / 3600.0
    return tickets.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("support_ticket_count"),
        count_where(F.col("closed_at").isNull()).alias("open_ticket_count"),
        F.avg(hours).alias("mean_resolution_hours"),
        F.avg("satisfaction").alias("mean_satisfaction"),
        F.max("opened_at").alias("last_ticket_at"),
    )


def _nps(surveys: DataFrame) -> DataFrame:
    answered = F.col("score").isNotNull() & F.col("answered_at").isNotNull()
    newest = Window.partitionBy("customer_id", "_answered").orderBy(
        F.col("answered_at").desc_nulls_last(), F.col("response_id").desc()
    )
    ranked = surveys.withColumn("_answered", answered).withColumn("_rank", F.row_number().over(newest))
    day = F.when(answered, F.unix_date(F.to_date("answered_at")).cast("double"))
    score = F.when(answered, F.col("score").cast("double"))
    summed = ranked.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("nps_asked_count"),
        count_where(answered).alias("nps_answer_count"),
        F.avg(score).alias("mean_nps_score"),
        F.max(F.when(F.col("_answered") & (F.col("_rank") == 1), F.col("score"))).alias("last_nps_score"),
        F.max(F.when(F.col("_answered") & (F.col("_rank") == 2), F.col("score"))).alias("_previous"),
        F.covar_pop(day, score).alias("_covariance"),
        F.var_pop(day).alias("_variance"),
        (F.max(day) - F.min(day)).alias("_span_days"),
    )
    return summed.withColumns({
        "nps_response_rate": ratio(F.col("nps_answer_count"), F.col("nps_asked_count")),
        "nps_category": _nps_category(F.col("last_nps_score")),
        "nps_change": F.col("last_nps_score") - F.col("_previous"),
        "nps_trend_per_year": F.when(
            F.col("_span_days") >= TREND_SPAN_DAYS, F.col("_covariance") / F.col("_variance") * 365.25
        ),
    }).drop("_previous", "_covariance", "_variance", "_span_days")  # fmt: skip


def _nps_category(score: Column) -> Column:
    return F.when(score >= 9, "promoter").when(score >= 7, "passive").when(score >= 0, "detractor")


def _recommendations(shown: DataFrame) -> DataFrame:
    outcome = F.col("outcome")
    return shown.groupBy("customer_id").agg(
        F.count(F.lit(1)).alias("recommendation_count"),
        share_where(outcome.isin("clicked", "purchased")).alias("recommendation_acceptance_rate"),
        share_where(outcome == "purchased").alias("recommendation_purchase_rate"),
        share_where(outcome == "dismissed").alias("recommendation_dismissal_rate"),
    )


def _best_slot(shown: DataFrame) -> DataFrame:
    accepted = shown.where(F.col("outcome").isin("clicked", "purchased"))
    return most_frequent(accepted, ["customer_id"], "slot", "best_recommendation_slot")
