"""Computes the probability that something about a customer changed once, from dated statements about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from features.transform.snapshot import at_each_day

KEYS = ["customer_id", "as_of"]
_LARGEST_EXPONENT = 50.0


@dataclass(frozen=True)
class ChangeModel:
    """What is assumed before any statement is seen.

    Attributes:
        prior: probability that the value of a customer changed in the observed time.
        error: probability that a statement gives another value than the true one.
        certain_from: probability from which a change counts as found.
    """

    prior: float
    error: float
    certain_from: float


def changes(statements: DataFrame, days: Sequence[date], model: ChangeModel) -> DataFrame:
    """Return one row per customer and day of `days` with at least two statements known by that day.

    Bayes' rule with one change point, equally likely between any two statements that follow each other:

        P(change) = prior · w / (1 - prior + prior · w),   w = mean over splits k of ((1 - error) / error) ^ (m(k) - m)

    where m(k) is the number of statements that agree with "the old value before k, the new value after", and m is the
    number that agrees with the more frequent value alone. The old and the new value are the two most frequent ones, by
    their mean day. Example, values in order of time: A A B B has m(2) = 4 and m = 2, A B A B never more than 3.

    Args:
        statements: customer_id, day, value; without nulls.
        days: the days for which the probability is computed.
        model: the assumptions.

    Returns:
        customer_id, as_of, probability (0 to 1), changed_after and changed_by: the days of the statements between which
        the change lies; null unless the probability is at least `certain_from`.
    """
    seen = at_each_day(statements, "day", days)
    homes = _two_values(seen)
    turn = Window.partitionBy(*KEYS).orderBy("day", "value")
    so_far = turn.rowsBetween(Window.unboundedPreceding, 0)
    is_old, is_new = (F.when(F.col("value") == F.col(name), 1).otherwise(0) for name in ("_old", "_new"))
    agreeing = F.sum(is_old).over(so_far) + F.col("_new_count") - F.sum(is_new).over(so_far)
    surplus = agreeing - F.greatest("_old_count", "_new_count")
    odds = math.log((1 - model.error) / model.error)
    exponent = F.least(surplus.cast("double") * F.lit(odds), F.lit(_LARGEST_EXPONENT))
    splits = seen.join(homes, KEYS).select(
        *KEYS, "day", "_new", F.lead("day").over(turn).alias("_next"), F.exp(exponent).alias("_weight")
    )
    best = Window.partitionBy(*KEYS).orderBy(F.col("_weight").desc(), F.col("day"))
    ranked = splits.where("_next is not null").withColumn("_rank", F.row_number().over(best))
    mean = ranked.groupBy(*KEYS).agg(
        F.avg(F.when(F.col("_new").isNull(), 0.0).otherwise(F.col("_weight"))).alias("_mean"),
        *(F.max(F.when(F.col("_rank") == 1, F.col(day))).alias(name)
          for day, name in (("day", "changed_after"), ("_next", "changed_by"))),
    )  # fmt: skip
    likely = F.lit(model.prior) * F.col("_mean")
    judged = mean.withColumn("probability", likely / (likely + F.lit(1 - model.prior)))
    is_found = F.col("probability") >= model.certain_from
    found = {name: F.when(is_found, F.col(name)) for name in ("changed_after", "changed_by")}
    return judged.withColumns(found).select(*KEYS, "probability", "changed_after", "changed_by")


def _two_values(seen: DataFrame) -> DataFrame:
    """Return the two most frequent values of each customer, the earlier one as `_old`, with their counts.

    A customer with one value has it as `_old`, a null `_new` and a `_new_count` of 0.
    """
    counted = seen.groupBy(*KEYS, "value").agg(
        F.count(F.lit(1)).alias("_count"), F.avg(F.unix_date("day").cast("double")).alias("_mean_day")
    )
    frequent = Window.partitionBy(*KEYS).orderBy(F.col("_count").desc(), F.col("value"))
    early = Window.partitionBy(*KEYS).orderBy("_mean_day", "value")
    top = counted.withColumn("_rank", F.row_number().over(frequent)).where("_rank <= 2")
    placed = top.withColumn("_place", F.row_number().over(early))
    return placed.groupBy(*KEYS).agg(
        F.max(F.when(F.col("_place") == 1, F.col("value"))).alias("_old"),
        F.max(F.when(F.col("_place") == 2, F.col("value"))).alias("_new"),
        F.sum(F.when(F.col("_place") == 1, F.col("_count"))).alias("_old_count"),
        F.coalesce(F.sum(F.when(F.col("_place") == 2, F.col("_count"))), F.lit(0)).alias("_new_count"),
    )
