"""Decides consent on DataFrames: builds a table of verdicts over time, and filters rows by a join with it.

`policy.py` states the rules in words. `timeline.py` computes the same verdicts in numpy for single look-ups. This
module uses Spark Connect expressions only, so no Python function is called for a row.
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
from privacy.consent.state import BLOCKING, OBJECTION_STATES, RESTRICTION_STATES, UNREAD_STATES, State
from privacy.consent.timeline import ALWAYS, BLOCKED, BY_DAY, default_verdict

_BEGINNING = datetime(1, 1, 1)
_STREAM = ("subject_id", "purpose", "kind")
_MOST = 2**31 - 1
"""The most rows that a limit can keep. With more than two billion verdicts on one purpose, the rest would deny."""
_BUCKETS = 1024
"""Number of parts into which the customers are divided, to be computed in parallel."""
_COUNTERS = ("need_permits", "need_in_force", "night_permits", "night_in_force", "block")


@dataclass(frozen=True)
class Permissions:
    """Verdicts of all customers as a table, made by `permission_rows` or read from where that was stored.

    Attributes:
        rows: customer_id, purpose, from_at, until_at (null when no end is known), verdict; one row for each period with
            one verdict. Periods with the purpose's default verdict are left out.
        policy: purposes and laws that the rows were made with.
    """

    rows: DataFrame
    policy: Policy

    def at(self, moment: datetime) -> DataFrame:
        """Return the verdicts at a moment on all purposes, without those that are their purpose's default."""
        return self.rows.where(_holds_at(moment))

    def permitted(self, frame: DataFrame, purpose: str, at: datetime | str, customer: str = "customer_id") -> DataFrame:
        """Return only the rows of a frame whose customer permits the purpose at that moment; same columns.

        Rows with a null customer stay only for purposes that do not rest on consent. (`flagged` gives false for them.)

        Args:
            frame: any rows with a column that names the customer.
            purpose: the purpose of using the rows.
            at: the moment of use, local wall time; or the column that has one for each row.
            customer: name of the column with the customer.

        Raises:
            UnknownPurposeError: no such purpose.
        """
        by_default = default_verdict(self.policy, purpose) != BLOCKED
        match = F.col(f"f.{customer}") == F.col("v.customer_id")
        if isinstance(at, datetime):
            customers = self._customers_by_verdict(purpose, at, of_permitted=not by_default)
        else:
            customers = self.rows.where(F.col("purpose") == purpose)
            match &= self._covers_moment(purpose, at, of_permitted=not by_default)
        return frame.alias("f").join(customers.alias("v"), match, "left_anti" if by_default else "left_semi")

    def flagged(self, frame: DataFrame, purpose: str, at: datetime, name: str, customer: str) -> DataFrame:
        """Return all rows of a frame with one more column: whether the customer permits the purpose at that moment.

        The column is false for a null customer, for every purpose. (`permitted` keeps such rows for purposes that do
        not rest on consent.) Use this instead of `permitted` and a join, which would compute the frame twice.
        """
        by_default = default_verdict(self.policy, purpose) != BLOCKED
        # A customer has one verdict at a moment, so the join repeats no row.
        customers = self._customers_by_verdict(purpose, at, of_permitted=not by_default).withColumnRenamed(
            "customer_id", "_found"
        )
        is_found = F.col("_found").isNotNull()
        flag = (~is_found if by_default else is_found) & F.col(customer).isNotNull()
        joined = frame.join(customers, F.col(customer) == F.col("_found"), "left")
        return joined.withColumn(name, flag).drop("_found")

    def _customers_by_verdict(self, purpose: str, at: datetime, *, of_permitted: bool) -> DataFrame:
        """Return the customers (`customer_id`) whose verdict at the moment permits the purpose, or denies it."""
        hours = self.policy.hours_of(purpose)
        permitting = [ALWAYS] if hours is not None and hours.holds_at(at) else [ALWAYS, BY_DAY]
        allows, rows = F.col("verdict").isin(permitting), self.rows.where(F.col("purpose") == purpose)
        if of_permitted:
            return _planned_apart(_planned_apart(rows).where(_holds_at(at))).where(allows).select("customer_id")
        return rows.where(_holds_at(at) & ~allows).select("customer_id")

    def _covers_moment(self, purpose: str, at: str, *, of_permitted: bool) -> Column:
        """Return whether verdict `v` covers the moment in column `at` of `f`, and permits (or denies) the purpose."""
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
    """Return the verdicts of a controller's records over time, as a table for `Permissions`.

    Args:
        records: `privacy.consent.rows.DECISIVE` columns, at least; one row a record.
        membership: columns of `MEMBERSHIP_SCHEMA`; None treats every source person as a customer of its own.
        policy: purposes and laws.
        controller: the controller whose records decide; records of others are left out.
        known_at: uses only records made by that moment; None uses all records.

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
    owned = _assigned(_segments(_uncorrected(_with_kind(visible)), policy), membership)
    return _verdicts(_summed(_changes(owned, policy)), policy)


def _texts(values: Iterable[str]) -> list[str]:
    return sorted(str(value) for value in values)


def _with_kind(records: DataFrame) -> DataFrame:
    state = F.col("state")
    kind = F.when(state.isin(_texts(OBJECTION_STATES)), F.lit("objection"))
    kind = kind.when(state.isin(_texts(RESTRICTION_STATES)), F.lit("restriction"))
    kind = kind.when(state.isin(_texts(UNREAD_STATES)), F.lit("unread"))
    return records.withColumn("kind", kind.otherwise(F.lit("consent")))


def _uncorrected(records: DataFrame) -> DataFrame:
    """Return the records that no other record corrects.

    The few corrections are the left side of the join. Sail builds its hash table from the left side, and returns the
    unmatched rows of that side in one batch at the end; a sort cannot take a batch of half the records.
    """
    corrector = records.where(F.col("supersedes").isNotNull() & (F.col("state") != State.UNREAD.value)).select(
        F.col("supersedes").alias("c_target"),
        *(F.col(c).alias(f"c_{c}") for c in ("record_id", *_STREAM, "effective_at", "recorded_at")),
    )
    names = (
        (F.col("record_id") == F.col("c_target"))
        & (F.col("subject_id") == F.col("c_subject_id"))
        & (F.col("record_id") != F.col("c_record_id"))
    )
    same = (
        (F.col("purpose") == F.col("c_purpose"))
        & (F.col("kind") == F.col("c_kind"))
        & (F.col("c_effective_at") <= F.col("effective_at"))
        & (F.col("c_recorded_at") >= F.col("recorded_at"))
    )
    # Any record of the person that names an unread one ends it.
    corrects = names & (same | (F.col("state") == State.UNREAD.value))
    met = corrector.join(records, corrects, "right")
    # A record that resolves an unread one does only that, so that other unread ones of the stream stay in force.
    stands = F.col("c_record_id").isNull() & (F.col("state") != State.RESOLVED.value)
    return met.where(stands).select(*records.columns)


def _holds(condition: Condition) -> Column:
    """Return a rule's condition as a Boolean column without nulls. A null value is in no set and below no number.

    The operator `below_or_unknown` is true for a null value.
    """
    column, value = F.col(condition.column), condition.value
    if isinstance(value, int):
        return F.coalesce(column < value, F.lit(condition.operator == "below_or_unknown"))
    if condition.operator in ("covers_any", "covers_none", "covers_other"):
        return _covers(column, condition.operator, value)
    found = F.coalesce(column.isin(_texts(value)), F.lit(False)) if value else F.lit(False)
    return found if condition.operator == "in" else ~found


def _covers(column: Column, operator: str, terms: frozenset[str]) -> Column:
    """Return whether a list joined by commas has any of the terms, none of them, or any other term (`operator`)."""
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
    """Return the period in which each record is in force: subject_id, kind, purpose, start, end, effect_end.

    `effect_end` is the end of the time in which the record permits (consent) or denies (objection, restriction).
    """
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
    # Of records with equal times, the most restrictive comes last: it permits for the shortest time, or denies longest.
    consent_first = F.when(is_consent, F.col("effect_end")).desc()
    block_last = F.when(~is_consent, F.col("effect_end")).asc()
    order = Window.partitionBy("bucket").orderBy(*_STREAM, "start", "recorded_at", consent_first, block_last)
    end = F.coalesce(_next("start", _STREAM, order), never)
    return ready.select(*_STREAM, "start", end.alias("end"), "effect_end").withColumn(
        "effect_end", F.least("effect_end", "end")
    )


def _assigned(segments: DataFrame, membership: DataFrame | None) -> DataFrame:
    """Return the segments by customer, limited to the time in which the source person belonged to that customer.

    A source person without a membership is a customer of its own.
    """
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
    """Return the changes of each purpose's counters: customer_id, target, slot, time, in_force, effect (+1, 0, -1)."""
    bearings = [(b.kind, b.purpose, b.target, b.slot) for b in policy.bearings()]
    bearing = segments.sparkSession.createDataFrame(bearings, "kind string, purpose string, target string, slot string")
    met = segments.where(F.col("end") > F.col("start")).join(F.broadcast(bearing), ["kind", "purpose"])
    acts = F.when(F.col("effect_end") > F.col("start"), F.lit(1)).otherwise(F.lit(0))
    # A segment changes counters at three times. (An array of structs would be shorter, but Sail 0.7 panics over it.)
    edges = met.select("*", acts.alias("acts"), F.explode(F.array(F.lit(0), F.lit(1), F.lit(2))).alias("edge"))
    edge, none = F.col("edge"), F.lit(0)
    return edges.select(
        "customer_id",
        "target",
        "slot",
        F.when(edge == 0, F.col("start")).when(edge == 1, F.col("effect_end")).otherwise(F.col("end")).alias("time"),
        F.when(edge == 0, F.lit(1)).when(edge == 2, F.lit(-1)).otherwise(none).alias("in_force"),
        F.when(edge == 0, F.col("acts")).when(edge == 1, -F.col("acts")).otherwise(none).alias("effect"),
    )


def _summed(changes: DataFrame) -> DataFrame:
    """Return the counters from each time on: bucket, customer_id, target, time, and one column for each counter."""
    slot = F.col("slot")

    def step(*parts: tuple[str, str]) -> Column:
        chosen = [F.when(slot == name, F.col(column)).otherwise(F.lit(0)) for name, column in parts]
        return F.sum(reduce(Column.__add__, chosen))

    grouped = changes.groupBy("customer_id", "target", "time").agg(
        step(("need", "effect")).alias("need_permits"),
        step(("need", "in_force")).alias("need_in_force"),
        step(("night", "effect")).alias("night_permits"),
        step(("night", "in_force"), ("night_block", "effect")).alias("night_in_force"),
        # A refusal blocks for the time in which its record is in force and does not permit.
        (step(("block", "effect"), ("refusal", "in_force")) - step(("refusal", "effect"))).alias("block"),
    )
    # Every segment that opens also closes: a customer's counters end at zero, so one sum can run over all customers.
    so_far = _in_turn().rowsBetween(Window.unboundedPreceding, 0)
    return grouped.select(_bucket("customer_id"), "*").select(
        "bucket",
        "customer_id",
        "target",
        "time",
        *(F.sum(counter).over(so_far).alias(counter) for counter in _COUNTERS),
    )


def _bucket(column: str) -> Column:
    """Return the number of the bucket of a customer or source person. One window for a bucket costs less than many."""
    return F.pmod(F.xxhash64(column), F.lit(_BUCKETS)).alias("bucket")


def _in_turn() -> WindowSpec:
    return Window.partitionBy("bucket").orderBy("customer_id", "target", "time")


def _next(column: str, group: Sequence[str], order: WindowSpec) -> Column:
    """Return the value in the next row of the group; null in its last row. `order` must keep groups together."""
    is_same = reduce(Column.__and__, [F.lead(name).over(order).eqNullSafe(F.col(name)) for name in group])
    return F.when(is_same, F.lead(column).over(order))


def _verdicts(sums: DataFrame, policy: Policy) -> DataFrame:
    consented = [p for p in policy.purposes if policy.taxonomy.consent_of(p) is not None]
    timed = [p for p in policy.purposes if policy.hours_of(p) is not None]
    blocked_by_default = [p for p in policy.purposes if default_verdict(policy, p) == BLOCKED]
    target = F.col("target")
    agreed = (F.col("need_in_force") > 0) & (F.col("need_permits") == F.col("need_in_force"))
    permits = (agreed | ~target.isin(consented)) & (F.col("block") == 0)
    at_night = (F.col("night_in_force") > 0) & (F.col("night_permits") == F.col("night_in_force"))
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


def _planned_apart(frame: DataFrame) -> DataFrame:
    """Return the same rows, with a limit between the filters before and after, so that Sail plans them separately.

    Sail assumes that each filter keeps a fifth of the rows. If it then expects less than 131,072 rows, it builds one
    hash table that all threads probe. Otherwise it first repartitions all rows of both sides by key, which cost as much
    as reading them (docs/decisions/0010). It has no hint for this, and it merges adjacent filters.
    """
    return frame.limit(_MOST)


def _is_before_end(moment: Column, until: str) -> Column:
    return F.col(until).isNull() | (moment < F.col(until))


def _is_within(hours: HoursRule, moment: Column) -> Column:
    """Return whether the time of day of a column of moments lies within the hours."""
    clock = F.hour(moment) * 3600 + F.minute(moment) * 60 + F.second(moment)
    start, end = (t.hour * 3600 + t.minute * 60 + t.second for t in (hours.start, hours.end))
    after, before = clock >= start, clock < end
    return (after & before) if start <= end else (after | before)
