"""Finds births and diets from purchases, only for customers whose explicit consent covers data on health.

Both reveal health (PIPA art. 23, GDPR art. 9). The table is built for `sensitive_research`, so its inputs hold only
customers who permit that purpose now. A consent to that purpose can also cover belief alone, so this module looks at
the data categories of the consent as well. A diet for reasons of belief is never looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from features.insight.event.change_point import KEYS
from features.transform.snapshot import at_each_day

PURPOSE = "sensitive_research"
CATEGORIES = ("pd:Health", "pd:MedicalHealth")
"""Data categories of which a consent must name one."""
BIRTH = "birth"
GROUPS = {
    BIRTH: r"\b(BABY DIAPERS|INFANT FORMULA|BABY FOOD - BEGINNER)\b",
    "gluten_free": r"\bGLUTEN\b",
    "lactose_free": r"\bLACTOSE\b",
    "low_sugar": r"\b(SUGAR FREE|SUGARLESS|SWEETENERS|DIABETIC)\b",
    "plant_based": r"\b(MEAT ALTERNATIVES|VEGETARIAN|MEATLESS|TOFU|SOY BEVERAGE)\b",
    "weight_control": r"\b(DIET CNTRL|DIET CONTROL|DIETARY AID)\b",
}
"""Words in product category and type that mark the goods of a newborn child and of each diet."""
QUIET_DAYS = 180
"""An event begins with a purchase after so many days without one of the group."""
EARLIER_SHOPPING_DAYS = 5
"""Shopping days in QUIET_DAYS from which not buying the group says something: about one a month."""
CONFIRMED_DAYS, CONFIRMED_PURCHASES = 60, 3
"""An event is found when the group is bought on three days of the first sixty. A gift is bought once."""


def special_event(lines: DataFrame, products: DataFrame, consents: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return one row per customer and day of `days` with a birth or a diet found in the purchases of the year before.

    Args:
        lines: silver/order_line.
        products: silver/product.
        consents: silver/consent_event, which decides whose consent covers health.
        days: the days for which events are looked for.

    Returns:
        customer_id, as_of, birth_by and birth_purchase_days (null without a birth), diet, diet_since and
        diet_purchase_days (null without a diet). Of several diets it is the one that began last.
    """
    marked = products.select("product_id", *(_has_words(words).alias(name) for name, words in GROUPS.items()))
    bought = lines.where("customer_id is not null").select("customer_id", "product_id", "order_date")
    known = at_each_day(bought, "order_date", days, 365 + QUIET_DAYS).join(
        covering_health(consents, days), KEYS, "left_semi"
    )
    each_day = (
        known.join(marked, "product_id", "left")
        .groupBy(*KEYS, "order_date")
        .agg(*(F.max(F.when(F.col(name), 1).otherwise(0)).alias(name) for name in GROUPS))
        .withColumn("_day", F.unix_date("order_date"))
    )
    in_turn = Window.partitionBy(*KEYS).orderBy("_day")
    earlier, soon = in_turn.rangeBetween(-QUIET_DAYS, -1), in_turn.rangeBetween(0, CONFIRMED_DAYS - 1)
    flagged = each_day.withColumns(
        {
            "_shopped": F.count(F.lit(1)).over(earlier),
            **{f"_{name}_earlier": F.coalesce(F.sum(name).over(earlier), F.lit(0)) for name in GROUPS},
            **{f"_{name}_soon": F.sum(name).over(soon) for name in GROUPS},
        }
    )
    begins = flagged.groupBy(*KEYS).agg(
        *(F.max(F.when(_begins(name), F.struct("order_date", f"_{name}_soon"))).alias(name) for name in GROUPS)
    )
    diet = F.array_max(F.array(*(_diet(name) for name in GROUPS if name != BIRTH)))
    return (
        begins.withColumn("_diet", diet)
        .select(
            *KEYS,
            F.col(f"{BIRTH}.order_date").alias("birth_by"),
            F.col(f"{BIRTH}._{BIRTH}_soon").cast("int").alias("birth_purchase_days"),
            F.col("_diet.diet").alias("diet"),
            F.col("_diet.since").alias("diet_since"),
            F.col("_diet.purchase_days").cast("int").alias("diet_purchase_days"),
        )
        .where("birth_by is not null or diet is not null")
    )


def covering_health(consents: DataFrame, days: Sequence[date]) -> DataFrame:
    """Return the customers of each day for whom every consenting source person covers data on health.

    Of a source person the newest consent to the purpose counts. Whether it is still in force is decided by the filter
    of the inputs. A record that another one supersedes does not count, and one without categories covers nothing.

    Args:
        consents: silver/consent_event.
        days: the days for which to decide.

    Returns:
        customer_id, as_of.
    """
    given = consents.where(F.col("customer_id").isNotNull() & (F.col("purpose") == PURPOSE))
    given = given.withColumn("day", F.to_date(F.greatest("effective_at", "recorded_at")))
    known = at_each_day(given, "day", days)
    superseded = known.where("supersedes is not null").select("as_of", F.col("supersedes").alias("record_id"))
    standing = known.join(superseded, ["as_of", "record_id"], "left_anti").where("state in ('given', 'renewed')")
    order = Window.partitionBy("as_of", "customer_id", "subject_id").orderBy(
        F.col("effective_at").desc(), F.col("recorded_at").desc(), F.col("record_id").desc()
    )
    newest = standing.withColumn("_rank", F.row_number().over(order)).where("_rank = 1")
    named = F.split(F.regexp_replace(F.coalesce("data_categories", F.lit("")), " ", ""), ",")
    covers = reduce(Column.__or__, (F.array_contains(named, category) for category in CATEGORIES))
    return (
        newest.groupBy(*KEYS)
        .agg(F.min(F.when(covers, 1).otherwise(0)).alias("_covers"))
        .where("_covers = 1")
        .select(*KEYS)
    )


def _has_words(words: str) -> Column:
    text = F.concat_ws(" ", F.col("product_category"), F.col("product_type"))
    return F.coalesce(F.upper(text).rlike(words), F.lit(False))


def _begins(name: str) -> Column:
    is_quiet = (F.col(f"_{name}_earlier") == 0) & (F.col("_shopped") >= EARLIER_SHOPPING_DAYS)
    is_recent = F.col("order_date") > F.date_sub("as_of", 365)
    return (F.col(name) == 1) & is_quiet & is_recent & (F.col(f"_{name}_soon") >= CONFIRMED_PURCHASES)


def _diet(name: str) -> Column:
    """Return the beginning of a diet as a struct that sorts by its day; null when the diet was not found."""
    fields = F.struct(
        F.col(f"{name}.order_date").alias("since"),
        F.lit(name).alias("diet"),
        F.col(f"{name}._{name}_soon").alias("purchase_days"),
    )
    return F.when(F.col(name).isNotNull(), fields)
