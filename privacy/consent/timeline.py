"""Computes the consent verdicts over time, for all customers and purposes at once, in numpy.

`privacy/consent/policy.py` states the rules in words. `frame.py` computes the same verdicts in Spark. A record is in
force during a segment of time. A segment belongs to the customers that its source person belonged to. For each
purpose, a segment that counts for it raises counters at its start and lowers them at its end. The verdict may change
only where a counter changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.consent.law import Condition
from privacy.consent.policy import Policy, Slot
from privacy.consent.rows import NEVER
from privacy.consent.state import BLOCKING, OBJECTION_STATES, RESTRICTION_STATES, UNREAD_STATES, State

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
BLOCKED, ALWAYS, BY_DAY = 0, 1, 2
"""Verdicts: not permitted; permitted; permitted outside the hours of the purpose's hours rule."""
VERDICT_BITS = 2
"""A code is a verdict in its lowest bits, and above them the cause of the denial (0 where there is none)."""
CONSENT_MISSING, OBJECTED, RESTRICTED = 0, 1, 2
"""Causes: the consent that is needed is missing or an unread statement denies; an objection; a restriction."""

KINDS = ("consent", "objection", "restriction", "unread")
_EPOCH = datetime(1970, 1, 1)
_MICROSECONDS = 1_000_000


def microseconds(moment: datetime) -> int:
    """Return a wall time as microseconds since 1970."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * _MICROSECONDS + delta.microseconds


_NEVER = microseconds(NEVER)
_DAY = 86_400 * _MICROSECONDS
_BEGINNING = np.iinfo(np.int64).min


def default_verdict(policy: Policy, purpose: str) -> int:
    """Return the verdict for a customer without records. (Hours rules concern only purposes that rest on consent.)"""
    return ALWAYS if policy.permits_by_default(purpose) else BLOCKED


@dataclass(frozen=True)
class Segments:
    """Periods in which a record is in force, as columns: source person or customer, kind, purpose, start, end."""

    subject: Ints
    kind: Ints
    purpose: Ints
    start: Ints
    end: Ints
    effect_end: Ints
    """Time until which the record permits or blocks; equal to `start` where it does neither."""


@dataclass(frozen=True)
class PurposeTimeline:
    """Verdicts on one purpose: customer `row` has verdict `code` from `time` until its next entry.

    `code` also names the cause of a denial if the timeline was built with causes (`VERDICT_BITS`).
    """

    row: Ints
    time: Ints
    code: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Timeline:
    """Verdicts of all customers, in the order of their identifiers."""

    customers: npt.NDArray[np.bytes_]
    purposes: dict[str, PurposeTimeline]


def build_timeline(
    records: pa.Table,
    membership: pa.Table | None,
    policy: Policy,
    controller: str,
    known_at: datetime | None = None,
    *,
    with_causes: bool = False,
) -> Timeline:
    """Return the verdicts of a controller's records over time.

    Args:
        records: the `DECISIVE` columns, at least; one row a record.
        membership: `MEMBERSHIP_SCHEMA`; None treats every source person as a customer of its own.
        policy: purposes and laws.
        controller: the controller whose records decide; records of others are left out.
        known_at: uses only records made by that moment; None uses all records.
        with_causes: whether codes also name the cause of a denial.
    """
    visible = pc.equal(records["controller"], controller)
    if known_at is not None:
        visible = pc.and_(visible, pc.less_equal(records["recorded_at"], pa.scalar(known_at, pa.timestamp("us"))))
    # A store usually has one controller. A filter that keeps all of millions of rows of text would take seconds.
    records = records if pc.all(visible, skip_nulls=False).as_py() else records.filter(visible)
    records = records.combine_chunks()
    subjects, names = _encode(records["subject_id"])
    segments = _segments(records, subjects, policy)
    owned, customers = _assign(segments, names, membership)
    purposes = {p: _verdicts(owned, p, policy, with_causes=with_causes) for p in policy.purposes}
    return Timeline(customers, purposes)


def _encode(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def _moments(column: pa.ChunkedArray, missing: int = _NEVER) -> Ints:
    numbers = pc.fill_null(column.cast(pa.timestamp("us")).cast(pa.int64()), missing)
    result: Ints = numbers.to_numpy()
    return result


def _mask(column: Any) -> Bools:
    result: Bools = np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)
    return result


def _holds(records: pa.Table, condition: Condition) -> Bools:
    """Return for which records a rule's condition holds. A null value is in no set and below no number.

    The operator `below_or_unknown` holds for a null value.
    """
    column, value = records[condition.column], condition.value
    if isinstance(value, int):
        is_below = pc.fill_null(pc.less(column, value), condition.operator == "below_or_unknown")
        return _mask(is_below)
    if condition.operator in ("covers_any", "covers_none", "covers_other"):
        lists, texts = _encode(pc.fill_null(column, ""))
        answers = [_covers(text, condition.operator, value) for text in texts]
        return np.array(answers, dtype=bool)[lists]
    found = _mask(pc.is_in(column, value_set=pa.array(sorted(value), pa.string())))
    return found if condition.operator == "in" else ~found


def _covers(text: str, operator: str, terms: frozenset[str]) -> bool:
    named = {term.strip() for term in text.split(",")} - {""}
    if operator == "covers_other":
        return bool(named - terms)
    return bool(named & terms) == (operator == "covers_any")


def _permits_until(records: pa.Table, policy: Policy, start: Ints) -> Ints:
    """Return the time until which each consent record permits; the record's start if it never permits."""
    until = _moments(records["expires_at"])
    for lapse in policy.lapses():
        concerned = _mask(pc.equal(pc.fill_null(records["jurisdiction"], ""), lapse.jurisdiction))
        concerned &= _mask(pc.is_in(records["purpose"], value_set=pa.array(sorted(lapse.purposes))))
        until = np.where(concerned, np.minimum(until, start + lapse.days * _DAY), until)
    for exclusion in policy.exclusions():
        excluded = np.ones(len(records), dtype=bool)
        for condition in exclusion.tests:
            excluded &= _holds(records, condition)
        until = np.where(excluded, start, until)
    return np.maximum(until, start)


def _segments(records: pa.Table, subject: Ints, policy: Policy) -> Segments:
    state, start, recorded = records["state"], _moments(records["effective_at"]), _moments(records["recorded_at"])
    kind = np.zeros(len(records), dtype=np.int64)
    for code, states in ((1, OBJECTION_STATES), (2, RESTRICTION_STATES), (3, UNREAD_STATES)):
        kind[_mask(pc.is_in(state, value_set=pa.array(sorted(states), pa.string())))] = code
    blocking = _mask(pc.is_in(state, value_set=pa.array(sorted(BLOCKING), pa.string())))
    effect_end = np.where(kind == 0, _permits_until(records, policy, start), np.where(blocking, _NEVER, start))
    # Of records with equal times, the most restrictive comes last: it permits for the shortest time, or denies longest.
    leniency = np.where(kind == 0, effect_end, -effect_end)
    purpose = _purpose_codes(records["purpose"], policy)
    stream = (subject * (len(policy.purposes) + 2) + purpose) * len(KINDS) + kind
    unread = _mask(pc.equal(state, State.UNREAD.value))
    # A record that resolves an unread one does only that, so that other unread ones of the stream stay in force.
    stands = ~_corrected(records, stream, start, recorded, subject, unread)
    stands &= ~_mask(pc.equal(state, State.RESOLVED.value))
    order = np.lexsort((-leniency[stands], recorded[stands], start[stands], stream[stands]))
    order = np.flatnonzero(stands)[order]
    stream, start = stream[order], start[order]
    end = np.full(len(order), _NEVER)
    if len(order):
        end[:-1] = np.where(stream[1:] == stream[:-1], start[1:], _NEVER)
    effect_end = np.minimum(effect_end[order], end)
    return Segments(subject[order], kind[order], purpose[order], start, end, effect_end)


def _purpose_codes(column: pa.ChunkedArray, policy: Policy) -> Ints:
    """Return each record's purpose as a number: first the taxonomy's purposes, then `*`, then unknown purposes."""
    known = pc.index_in(column, value_set=pa.array([*policy.purposes, "*"], pa.string()))
    codes: Ints = pc.fill_null(known, len(policy.purposes) + 1).to_numpy().astype(np.int64)
    return codes


def _corrected(records: pa.Table, stream: Ints, start: Ints, recorded: Ints, subject: Ints, unread: Bools) -> Bools:
    """Return which records are corrected: by a record of the same stream that names them as superseded.

    The correcting record is recorded at the same time or later, and takes effect at the same time or earlier. An unread
    record is corrected by any record of the same source person that names it. It corrects no record itself.
    """
    corrected = np.zeros(len(records), dtype=bool)
    named = np.flatnonzero(_mask(pc.is_valid(records["supersedes"])))
    if len(named) == 0:
        return corrected
    found = pc.index_in(records["supersedes"].take(pa.array(named)), value_set=records["record_id"].combine_chunks())
    target: Ints = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    named, target = named[target >= 0], target[target >= 0]
    corrects = (stream[named] == stream[target]) & (start[named] <= start[target])
    corrects &= recorded[named] >= recorded[target]
    corrects |= unread[target] & (subject[named] == subject[target])
    corrects &= (named != target) & ~unread[named]
    corrected[target[corrects]] = True
    return corrected


def _assign(
    segments: Segments, names: list[str], membership: pa.Table | None
) -> tuple[Segments, npt.NDArray[np.bytes_]]:
    """Return the segments by customer, and the customers' identifiers.

    Each segment is limited to the time in which its source person belonged to the customer. A source person without a
    membership is a customer of its own.
    """
    subjects = np.array([name.encode() for name in names] or [b""], dtype=np.bytes_)[: len(names)]
    if membership is None or len(membership) == 0:
        customers, code = np.unique(subjects, return_inverse=True)
        return _renamed(segments, code[segments.subject]), customers
    index = {name: code for code, name in enumerate(names)}
    rows = membership.select(["subject_id", "customer_id", "from_at"]).combine_chunks()
    member = np.array([index.get(s, -1) for s in rows["subject_id"].to_pylist()], dtype=np.int64)
    begins = _moments(rows["from_at"])
    owner = np.array([(c or "").encode() for c in rows["customer_id"].to_pylist()], dtype=np.bytes_)
    keep = member >= 0
    member, begins, owner = member[keep], begins[keep], owner[keep]
    alone = np.setdiff1d(np.arange(len(names)), member)
    member = np.concatenate([member, alone])
    begins = np.concatenate([begins, np.full(len(alone), _BEGINNING)])
    owner = np.concatenate([owner, subjects[alone]])
    order = np.lexsort((begins, member))
    member, begins, owner = member[order], begins[order], owner[order]
    ends = np.full(len(member), _NEVER)
    ends[:-1] = np.where(member[1:] == member[:-1], begins[1:], _NEVER)
    customers, code = np.unique(owner, return_inverse=True)
    first = np.searchsorted(member, np.arange(len(names) + 1))
    counts = np.diff(first)[segments.subject]
    source = np.repeat(np.arange(len(segments.subject)), counts)
    within = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    stay = first[segments.subject][source] + within
    start = np.maximum(segments.start[source], begins[stay])
    end = np.minimum(segments.end[source], ends[stay])
    effect_end = np.maximum(np.minimum(segments.effect_end[source], ends[stay]), start)
    holds = (end > start) & (owner[stay] != b"")
    s = source[holds]
    cut = Segments(
        code[stay][holds], segments.kind[s], segments.purpose[s], start[holds], end[holds], effect_end[holds]
    )
    return cut, customers


def _renamed(s: Segments, subject: Ints) -> Segments:
    return Segments(subject, s.kind, s.purpose, s.start, s.end, s.effect_end)


_COUNTERS = ("need_permits", "need_in_force", "night_permits", "night_in_force", "block")
_CAUSES = {
    ("block", "objection"): len(_COUNTERS), ("block", "restriction"): len(_COUNTERS) + 1,
    ("night_block", "objection"): len(_COUNTERS) + 2, ("night_block", "restriction"): len(_COUNTERS) + 3,
}  # fmt: skip
"""Numbers of the counters of objections and restrictions, which the causes are taken from."""


def _changes(segments: Segments, slot: Slot, chosen: Bools) -> Iterator[tuple[Ints, Ints, int, int]]:
    """Yield the changes of counters by the chosen segments: customers, times, the counter's number, and +1 or -1."""
    customer, start = segments.subject[chosen], segments.start[chosen]
    end, effect_end = segments.end[chosen], segments.effect_end[chosen]
    if slot == "refusal":
        refusing = end > effect_end
        yield customer[refusing], effect_end[refusing], _COUNTERS.index("block"), 1
        yield customer[refusing], end[refusing], _COUNTERS.index("block"), -1
        return
    whole, effective = {
        "need": ("need_in_force", "need_permits"),
        "night": ("night_in_force", "night_permits"),
        "block": (None, "block"),
        "night_block": (None, "night_in_force"),
    }[slot]
    if whole is not None:
        lasting = end > start
        yield customer[lasting], start[lasting], _COUNTERS.index(whole), 1
        yield customer[lasting], end[lasting], _COUNTERS.index(whole), -1
    acting = effect_end > start
    yield customer[acting], start[acting], _COUNTERS.index(effective), 1
    yield customer[acting], effect_end[acting], _COUNTERS.index(effective), -1


def _verdicts(segments: Segments, target: str, policy: Policy, *, with_causes: bool) -> PurposeTimeline:
    codes = {name: code for code, name in enumerate((*policy.purposes, "*"))}
    kinds = {KINDS[kind] for kind in np.flatnonzero(np.bincount(segments.kind, minlength=len(KINDS)))}
    changes = []
    for b in policy.bearings():
        if b.target == target and b.kind in kinds:
            chosen = (segments.kind == KINDS.index(b.kind)) & (segments.purpose == codes[b.purpose])
            found = list(_changes(segments, b.slot, chosen))
            changes += found
            if with_causes and (counter_of_cause := _CAUSES.get((b.slot, b.kind))) is not None:
                changes += [(customer, time, counter_of_cause, step) for customer, time, _, step in found]
    if not changes:
        nothing = np.zeros(0, dtype=np.int64)
        return PurposeTimeline(nothing, nothing, nothing.astype(np.int8))
    customer = np.concatenate([c for c, _, _, _ in changes])
    time = np.concatenate([t for _, t, _, _ in changes])
    counter = np.concatenate([np.full(len(c), n, dtype=np.int8) for c, _, n, _ in changes])
    step = np.concatenate([np.full(len(c), s, dtype=np.int32) for c, _, _, s in changes])
    order = np.lexsort((time, customer))
    customer, time, counter, step = customer[order], time[order], counter[order], step[order]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (customer[1:] != customer[:-1]) | (time[1:] != time[:-1])

    # Every segment that opens also closes: a customer's counters end at zero, so one sum can run over all customers.
    def sum_of(number: int) -> npt.NDArray[Any]:
        result: npt.NDArray[Any] = np.cumsum(np.where(counter == number, step, 0))[last]
        return result

    sums = {name: sum_of(number) for number, name in enumerate(_COUNTERS)}
    customer, time = customer[last], time[last]
    default = default_verdict(policy, target)
    code = _code(sums, policy, target)
    if with_causes:
        code |= _cause(code, {key: sum_of(number) > 0 for key, number in _CAUSES.items()}) << VERDICT_BITS
    before = np.full(len(code), default, dtype=np.int8)
    before[1:] = np.where(customer[1:] == customer[:-1], code[:-1], default)
    keep = (code != before) & (time < _NEVER)
    return PurposeTimeline(customer[keep], time[keep], code[keep])


def _code(sums: dict[str, npt.NDArray[Any]], policy: Policy, target: str) -> npt.NDArray[np.int8]:
    agreed = np.ones(len(sums["block"]), dtype=bool)
    if policy.taxonomy.consent_of(target) is not None:
        agreed = (sums["need_in_force"] > 0) & (sums["need_permits"] == sums["need_in_force"])
    permitted = agreed & (sums["block"] == 0)
    at_night = np.ones(len(permitted), dtype=bool)
    if policy.hours_of(target) is not None:
        at_night = (sums["night_in_force"] > 0) & (sums["night_permits"] == sums["night_in_force"])
    code: npt.NDArray[np.int8] = np.where(permitted, np.where(at_night, ALWAYS, BY_DAY), BLOCKED).astype(np.int8)
    return code


def _cause(code: npt.NDArray[np.int8], present: dict[tuple[str, str], Bools]) -> npt.NDArray[np.int8]:
    """Return the cause of each denial: a restriction before an objection; 0 where only consent is missing."""
    found = np.zeros(len(code), dtype=np.int8)
    for verdict, slot in ((BLOCKED, "block"), (BY_DAY, "night_block")):
        for cause, kind in ((OBJECTED, "objection"), (RESTRICTED, "restriction")):
            found[(code == verdict) & present[slot, kind]] = cause
    return found
