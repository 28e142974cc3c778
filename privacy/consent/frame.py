"""The decision on DataFrames: verdicts over time as a table, and `permitted` as a join with it.

`policy.py` says in words what is computed, `timeline.py` computes the same in numpy for single look-ups. Everything
here is Spark Connect expressions: no Python function touches a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from privacy.consent.law import Condition, HoursRule
from privacy.consent.policy import Policy
from privacy.consent.rows import DECISIVE, NEVER
from privacy.consent.state import BLOCKING, OBJECTION_STATES, RESTRICTION_STATES
from privacy.consent.timeline import ALWAYS, BLOCKED, BY_DAY, default_verdict

_BEGINNING = datetime(1, 1, 1)
_STREAM = ("subject_id", "purpose", "kind")
_MOST = 2**31 - 1
"""The most rows that a limit can keep. Beyond two billion verdicts on one purpose, customers would count as denying."""
_BUCKETS = 1024
"""Parts of the customers that are gone through side by side."""
_COUNTERS = ("need_ok", "need_spoken", "night_ok", "night_spoken", "block")


@dataclass(frozen=True)
class Permissions:
    """Verdicts of all customers as a table, made by `permission_rows` (or read from where they were kept).

    Attributes:
        rows: customer_id, purpose, from_at, until_at (null when no end is known), verdict; one row a stretch of time
            with one verdict. Stretches with the purpose's default verdict are left out.
        policy: purposes and laws that the rows were made with.
    """

    rows: DataFrame
    policy: Policy

    def at(self, moment: datetime) -> DataFrame:
        """The verdicts at one moment that are not their purpose's default, of all purposes."""
        return self.rows.where(_holds_at(moment))

    def permitted(self, frame: DataFrame, purpose: str, at: datetime | str, customer: str = "customer_id") -> DataFrame:
        """Only those rows of a frame whose customer permits the purpose at that moment; same columns.

        Args:
            frame: any rows with a column that names the customer; null means nobody, who consents to nothing.
            purpose: what the rows shall be used for.
            at: the moment of use, local wall time; or the column that holds one for each row.
            customer: name of the column with the customer.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        by_default = default_verdict(self.policy, purpose) != BLOCKED
        match = F.col(f"f.{customer}") == F.col("v.customer_id")
        if isinstance(at, datetime):
            told = self._telling(purpose, at, of_permitted=not by_default)
        else:
            told = self.rows.where(F.col("purpose") == purpose)
            match &= self._tells(purpose, at, of_permitted=not by_default)
        return frame.alias("f").join(told.alias("v"), match, "left_anti" if by_default else "left_semi")

    def flagged(self, frame: DataFrame, purpose: str, at: datetime, name: str, customer: str) -> DataFrame:
        """All rows of a frame and a column: whether the customer permits the purpose then; false for a null customer.

        Who reads the frame twice to find who may stay in it computes it twice.
        """
        by_default = default_verdict(self.policy, purpose) != BLOCKED
        # One verdict a customer holds at a moment, so the join repeats no row.
        told = self._telling(purpose, at, of_permitted=not by_default).withColumnRenamed("customer_id", "_told")
        is_told = F.col("_told").isNotNull()
        flag = (~is_told if by_default else is_told) & F.col(customer).isNotNull()
        return frame.join(told, F.col(customer) == F.col("_told"), "left").withColumn(name, flag).drop("_told")

    def _telling(self, purpose: str, at: datetime, *, of_permitted: bool) -> DataFrame:
        """The customers (`customer_id`) whose verdict at the moment permits the purpose, or those whose does not."""
        hours = self.policy.hours_of(purpose)
        permitting = [ALWAYS] if hours is not None and hours.holds_at(at) else [ALWAYS, BY_DAY]
        allows, held = F.col("verdict").isin(permitting), self.rows.where(F.col("purpose") == purpose)
        if of_permitted:
            return _settled(_settled(held).where(_holds_at(at))).where(allows).select("customer_id")
        return held.where(_holds_at(at) & ~allows).select("customer_id")

    def _tells(self, purpose: str, at: str, *, of_permitted: bool) -> Column:
        """Whether a verdict `v` is the one at the moment in the column `at` of `f`, and permits, or does not."""
        moment, hours, verdict = F.col(f"f.{at}"), self.policy.hours_of(purpose), F.col("v.verdict")
        is_night = _is_within(hours, moment) if hours else F.lit(False)
        allows = (verdict == ALWAYS) | ((verdict == BY_DAY) & ~is_night)
        is_then = (F.col("v.from_at") <= moment) & _is_before_end(moment, "v.until_at")
        return is_then & (allows if of_permitted else ~allows)


def permission_rows(
    records: DataFrame,
    membership: DataFrame | None,
    policy: Policy,
    controller: str,
    known_at: datetime | None = None,
) -> DataFrame:
    """The verdicts of a controller's records over time, as a table for `Permissions`.

    Args:
        records: `privacy.consent.rows.DECISIVE` columns, at least; one row a record.
        membership: columns of `MEMBERSHIP_SCHEMA`; None when every source person is a customer by itself.
        policy: purposes and laws.
        controller: whose records decide.
        known_at: as known at that moment; by default, with all that was recorded.

    Returns:
        customer_id, purpose, from_at, until_at (timestamps without zone; null when no end is known), verdict (int: 0
        blocked, 1 permitted, 2 permitted outside the hours of the purpose's hours rule). Key: customer_id, purpose,
        from_at.
    """
    moments = ("effective_at", "recorded_at", "expires_at")
    typed = [F.col(c).cast("timestamp_ntz").alias(c) if c in moments else F.col(c) for c in DECISIVE]
    visible = records.select(*typed).where(F.col("controller") == controller)
    if known_at is not None:
        visible = visible.where(F.col("recorded_at") <= F.lit(known_at).cast("timestamp_ntz"))
    owned = _assigned(_segments(_standing(_with_kind(visible)), policy), membership)
    return _verdicts(_summed(_changes(owned, policy)), policy)


def _texts(values: Iterable[str]) -> list[str]:
    return sorted(str(value) for value in values)


def _with_kind(records: DataFrame) -> DataFrame:
    state = F.col("state")
    kind = F.when(state.isin(_texts(OBJECTION_STATES)), F.lit("objection"))
    kind = kind.when(state.isin(_texts(RESTRICTION_STATES)), F.lit("restriction")).otherwise(F.lit("consent"))
    return records.withColumn("kind", kind)


def _standing(records: DataFrame) -> DataFrame:
    """Without the records that another one corrects.

    The corrections, few, stand left: Sail's engine builds its hash table of the left side, and gives what that side
    alone holds in one piece at the end. A sort cannot take a piece of half the records.
    """
    corrector = records.where(F.col("supersedes").isNotNull()).select(
        F.col("supersedes").alias("c_target"),
        *(F.col(c).alias(f"c_{c}") for c in ("record_id", *_STREAM, "effective_at", "recorded_at")),
    )
    same = [F.col(c) == F.col(f"c_{c}") for c in _STREAM]
    corrects = (
        (F.col("record_id") == F.col("c_target"))
        & (F.col("record_id") != F.col("c_record_id"))
        & (F.col("c_effective_at") <= F.col("effective_at"))
        & (F.col("c_recorded_at") >= F.col("recorded_at"))
    )
    met = corrector.join(records, reduce(Column.__and__, same, corrects), "right")
    return met.where(F.col("c_record_id").isNull()).select(*records.columns)


def _holds(condition: Condition) -> Column:
    """A condition of a rule; what is null is in no set and below nothing."""
    column, value = F.col(condition.column), condition.value
    if isinstance(value, int):
        return F.coalesce(column < value, F.lit(condition.operator == "below_or_unknown"))
    if condition.operator in ("covers_any", "covers_none", "covers_other"):
        return _covers(column, condition.operator, value)
    found = F.coalesce(column.isin(_texts(value)), F.lit(False)) if value else F.lit(False)
    return found if condition.operator == "in" else ~found


def _covers(column: Column, operator: str, terms: frozenset[str]) -> Column:
    """Whether a list joined by commas has any of the terms, none of them, or one that is not among them."""
    listed = F.concat(F.lit(","), F.regexp_replace(F.coalesce(column, F.lit("")), " ", ""), F.lit(","))
    among = "|".join(re.escape(term) for term in _texts(terms))
    if operator == "covers_other":
        return ~listed.rlike(f"^,+(({among}),+)*$")
    has_any = listed.rlike(f",({among}),")
    return has_any if operator == "covers_any" else ~has_any


def _permits_until(policy: Policy) -> Column:
    until: Column = F.coalesce(F.col("expires_at"), F.lit(NEVER).cast("timestamp_ntz"))
    for lapse in policy.lapses():
        concerned = (F.col("jurisdiction") == lapse.jurisdiction) & F.col("purpose").isin(_texts(lapse.purposes))
        limit = F.col("effective_at") + F.make_dt_interval(days=F.lit(lapse.days))
        until = F.when(F.coalesce(concerned, F.lit(False)), F.least(until, limit)).otherwise(until)
    for exclusion in policy.exclusions():
        excluded = reduce(Column.__and__, map(_holds, exclusion.tests))
        until = F.when(excluded, F.col("effective_at")).otherwise(until)
    return F.greatest(until, F.col("effective_at"))


def _segments(records: DataFrame, policy: Policy) -> DataFrame:
    """subject_id, kind, purpose, start, end, effect_end: stretches of time in which a record is in force."""
    never = F.lit(NEVER).cast("timestamp_ntz")
    is_consent = F.col("kind") == "consent"
    blocks = F.when(F.col("state").isin(_texts(BLOCKING)), never).otherwise(F.col("effective_at"))
    ready = records.select(
        _bucket("subject_id"),
        *_STREAM,
        F.col("effective_at").alias("start"),
        "recorded_at",
        F.when(is_consent, _permits_until(policy)).otherwise(blocks).alias("effect_end"),
    )
    # The most restrictive of records that speak at once comes last: it permits least, or blocks longest.
    consent_first = F.when(is_consent, F.col("effect_end")).desc()
    block_last = F.when(~is_consent, F.col("effect_end")).asc()
    order = Window.partitionBy("bucket").orderBy(*_STREAM, "start", "recorded_at", consent_first, block_last)
    end = F.coalesce(_next("start", _STREAM, order), never)
    return ready.select(*_STREAM, "start", end.alias("end"), "effect_end").withColumn(
        "effect_end", F.least("effect_end", "end")
    )


def _assigned(segments: DataFrame, membership: DataFrame | None) -> DataFrame:
    """The segments by customer, cut to the time that the source person belonged to the customer."""
    if membership is None:
        return segments.withColumnRenamed("subject_id", "customer_id")
    never = F.lit(NEVER).cast("timestamp_ntz")
    until = F.coalesce(F.lead("from_at").over(Window.partitionBy("subject_id").orderBy("from_at")), never)
    since = F.col("from_at").cast("timestamp_ntz")
    stays = membership.withColumn("from_at", since).select(
        "subject_id", F.col("customer_id").alias("owner"), "from_at", until.alias("until_at")
    )
    met = segments.join(stays, "subject_id", "left")
    beginning = F.lit(_BEGINNING).cast("timestamp_ntz")
    start = F.greatest(F.col("start"), F.coalesce(F.col("from_at"), beginning))
    stop = F.coalesce(F.col("until_at"), never)
    cut = met.select(
        F.when(F.col("from_at").isNull(), F.col("subject_id")).otherwise(F.col("owner")).alias("customer_id"),
        "kind",
        "purpose",
        start.alias("start"),
        F.least(F.col("end"), stop).alias("end"),
        F.greatest(F.least(F.col("effect_end"), stop), start).alias("effect_end"),
    )
    return cut.where((F.col("end") > F.col("start")) & F.col("customer_id").isNotNull())


def _changes(segments: DataFrame, policy: Policy) -> DataFrame:
    """customer_id, target, slot, time, spoken_step, effect_step: what segments open and close, for each purpose."""
    bearings = [(b.kind, b.purpose, b.target, b.slot) for b in policy.bearings()]
    bearing = segments.sparkSession.createDataFrame(bearings, "kind string, purpose string, target string, slot string")
    met = segments.where(F.col("end") > F.col("start")).join(F.broadcast(bearing), ["kind", "purpose"])
    acts = F.when(F.col("effect_end") > F.col("start"), F.lit(1)).otherwise(F.lit(0))
    # Three edges of a segment. (An array of structs would say it shorter; Sail 0.7 panics over their nullability.)
    edges = met.select("*", acts.alias("acts"), F.explode(F.array(F.lit(0), F.lit(1), F.lit(2))).alias("edge"))
    edge, none = F.col("edge"), F.lit(0)
    return edges.select(
        "customer_id",
        "target",
        "slot",
        F.when(edge == 0, F.col("start")).when(edge == 1, F.col("effect_end")).otherwise(F.col("end")).alias("time"),
        F.when(edge == 0, F.lit(1)).when(edge == 2, F.lit(-1)).otherwise(none).alias("spoken"),
        F.when(edge == 0, F.col("acts")).when(edge == 1, -F.col("acts")).otherwise(none).alias("effect"),
    )


def _summed(changes: DataFrame) -> DataFrame:
    """The bucket of customers, customer_id, target, time and the counters from that time on."""
    slot = F.col("slot")

    def step(*parts: tuple[str, str]) -> Column:
        chosen = [F.when(slot == name, F.col(column)).otherwise(F.lit(0)) for name, column in parts]
        return F.sum(reduce(Column.__add__, chosen))

    grouped = changes.groupBy("customer_id", "target", "time").agg(
        step(("need", "effect")).alias("need_ok"),
        step(("need", "spoken")).alias("need_spoken"),
        step(("night", "effect")).alias("night_ok"),
        step(("night", "spoken"), ("night_block", "effect")).alias("night_spoken"),
        # A refusal blocks for the time in which its record is in force and does not permit.
        (step(("block", "effect"), ("refusal", "spoken")) - step(("refusal", "effect"))).alias("block"),
    )
    # Whatever opens also closes, so each customer's counters end at zero and the sums may run on to the next customer.
    so_far = _in_turn().rowsBetween(Window.unboundedPreceding, 0)
    return grouped.select(_bucket("customer_id"), "*").select(
        "bucket",
        "customer_id",
        "target",
        "time",
        *(F.sum(counter).over(so_far).alias(counter) for counter in _COUNTERS),
    )


def _bucket(column: str) -> Column:
    """A part of the customers or source persons, to go through one after the other: a window for each costs more."""
    return F.pmod(F.xxhash64(column), F.lit(_BUCKETS)).alias("bucket")


def _in_turn() -> WindowSpec:
    return Window.partitionBy("bucket").orderBy("customer_id", "target", "time")


def _next(column: str, group: Sequence[str], order: WindowSpec) -> Column:
    """The value in the group's next row; null in its last. The order keeps the rows of a group together."""
    is_same = reduce(Column.__and__, [F.lead(name).over(order).eqNullSafe(F.col(name)) for name in group])
    return F.when(is_same, F.lead(column).over(order))


def _verdicts(sums: DataFrame, policy: Policy) -> DataFrame:
    consented = [p for p in policy.purposes if policy.taxonomy.consent_of(p) is not None]
    timed = [p for p in policy.purposes if policy.hours_of(p) is not None]
    blocked_by_default = [p for p in policy.purposes if default_verdict(policy, p) == BLOCKED]
    target = F.col("target")
    agreed = (F.col("need_spoken") > 0) & (F.col("need_ok") == F.col("need_spoken"))
    permits = (agreed | ~target.isin(consented)) & (F.col("block") == 0)
    at_night = (F.col("night_spoken") > 0) & (F.col("night_ok") == F.col("night_spoken"))
    allowed = F.when(at_night | ~target.isin(timed), F.lit(ALWAYS)).otherwise(F.lit(BY_DAY))
    verdict = F.when(permits, allowed).otherwise(F.lit(BLOCKED))
    default = F.when(target.isin(blocked_by_default), F.lit(BLOCKED)).otherwise(F.lit(ALWAYS))
    coded = sums.select("bucket", "customer_id", "target", "time", verdict.alias("verdict"))
    never = F.lit(NEVER).cast("timestamp_ntz")
    until = F.coalesce(_next("time", ("customer_id", "target"), _in_turn()), never)
    return (
        coded.withColumn("until_at", until)
        .where((F.col("verdict") != default) & (F.col("until_at") > F.col("time")))
        .withColumn("until_at", F.when(F.col("until_at") < never, F.col("until_at")))
        .select("customer_id", target.alias("purpose"), F.col("time").alias("from_at"), "until_at", "verdict")
    )


def _holds_at(moment: datetime) -> Column:
    then = F.lit(moment).cast("timestamp_ntz")
    return (F.col("from_at") <= then) & _is_before_end(then, "until_at")


def _settled(frame: DataFrame) -> DataFrame:
    """The same rows; filters before and after this are planned apart.

    Sail's engine takes each filter to keep a fifth. Only of what it then takes for less than 131,072 rows it builds one
    table of names that all threads probe; otherwise it sends all rows of both sides around by key first, which cost as
    much as reading them (docs/decisions/0010). It has no hint for this, and merges filters that nothing separates.
    """
    return frame.limit(_MOST)


def _is_before_end(moment: Column, until: str) -> Column:
    return F.col(until).isNull() | (moment < F.col(until))


def _is_within(hours: HoursRule, moment: Column) -> Column:
    """Whether the clock of a column of moments lies within the hours."""
    clock = F.hour(moment) * 3600 + F.minute(moment) * 60 + F.second(moment)
    start, end = (t.hour * 3600 + t.minute * 60 + t.second for t in (hours.start, hours.end))
    after, before = clock >= start, clock < end
    return (after & before) if start <= end else (after | before)
