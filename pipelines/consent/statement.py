"""Completes landed statements in Arrow, so that a fault in one never leaves a permission standing.

A withdrawal, an objection or a restriction counts with a person, a purpose and a time. A consent needs every field of
its notice: one that lacks a field becomes *unread*, which denies its purpose until it is resolved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from privacy.consent.controller_name import is_probably_same
from privacy.consent.policy import Policy
from privacy.consent.repeated_hour import LENIENT, is_repeated, settled
from privacy.consent.rows import RECORD_SCHEMA
from privacy.consent.state import EVERY_PURPOSE, PERMITTING, State
from privacy.consent.unread import FIRST_MOMENT

NEEDED = ("controller", "notice_version", "notice_language", "jurisdiction", "method", "recorded_at", "expressed_by",
          "evidence_hash")  # fmt: skip
"""Fields without which a consent does not count."""
_DEFAULTS = {"notice_version": "none", "notice_language": "und", "method": "unknown", "expressed_by": "self"}
LANDED_SCHEMA = pa.schema([field.with_nullable(True) for field in RECORD_SCHEMA])
_SLACK = timedelta(days=1)
_LATE_RECORDING = timedelta(days=28)
"""Least distance between effect and recording at which the time of effect may be wrong, as by an exchanged day and
month, which moves a date by four weeks or more."""
Mask = npt.NDArray[np.bool_]


def complete_statements(landed: pa.Table, policy: Policy, controller: str, moment: datetime, zone: str) -> pa.Table:
    """Return the landed statements with every required field, one row per purpose.

    Args:
        landed: columns of `LANDED_SCHEMA`; fields that the source left out are null.
        policy: purposes and laws.
        controller: the own controller. A statement that denies and names another spelling of it becomes unread.
        moment: the moment of decision. A statement that denies becomes unread if it takes effect more than a day
            later, or weeks before its recording and before a consent that was recorded earlier. A wrong date must
            neither put a withdrawal off nor put it before the consent that it ends.
        zone: the shop's zone, for the hour that its clock repeats.
    """
    stated = pc.if_else(pc.equal(pc.utf8_trim_whitespace(landed["controller"]), ""), None, landed["controller"])
    landed = _with_unread(_replaced(landed, "controller", stated), controller, moment)
    made = {**_DEFAULTS, "jurisdiction": policy.laws[0].jurisdiction, "controller": controller}
    for name, value in made.items():
        if landed[name].null_count:
            landed = _replaced(landed, name, pc.fill_null(landed[name], value))
    if landed["recorded_at"].null_count:
        landed = _replaced(landed, "recorded_at", pc.coalesce(landed["recorded_at"], landed["effective_at"]))
    if landed["evidence_hash"].null_count:
        hashes = [sha256(name.encode()).hexdigest() for name in landed["record_id"].to_pylist()]
        landed = _replaced(landed, "evidence_hash", pc.coalesce(landed["evidence_hash"], pa.array(hashes)))
    return _each_purpose(_in_order(landed, zone), policy).cast(RECORD_SCHEMA)


def _with_unread(landed: pa.Table, controller: str, moment: datetime) -> pa.Table:
    """Return the rows, with the state unread and a note where a statement cannot be understood completely."""
    state = landed["state"]
    allows = _mask(pc.is_in(state, value_set=pa.array(sorted(PERMITTING))))
    notes = np.full(len(landed), None, dtype=object)
    for name in NEEDED:
        if landed[name].null_count:
            notes[allows & _mask(pc.is_null(landed[name]))] = f"a consent without {name}"
    notes[allows & _mask(pc.equal(landed["purpose"], EVERY_PURPOSE))] = "a consent to every purpose at once"
    by_agent = _mask(pc.fill_null(pc.equal(landed["expressed_by"], "agent"), False))
    notes[allows & by_agent] = "a consent that an agent expressed"
    denies = ~_mask(pc.is_in(state, value_set=pa.array(sorted(LENIENT))))
    others = set(pc.unique(landed["controller"]).to_pylist()) - {None, controller}
    close = pa.array(sorted(name for name in others if is_probably_same(name, controller)), pa.string())
    is_close = denies & _mask(pc.fill_null(pc.is_in(landed["controller"], value_set=close), False))
    for row in np.flatnonzero(is_close):
        notes[row] = f"a statement to {landed['controller'][int(row)].as_py()}, probably the same as {controller}"
    latest = pa.scalar(moment + _SLACK, pa.timestamp("us"))
    is_late = denies & _mask(pc.greater(landed["effective_at"], latest))
    notes[is_late] = "a statement that takes effect more than a day after the reference date"
    is_early = _dated_before_a_known_consent(landed, denies, allows)
    notes[is_early] = "a statement that was recorded after a consent but takes effect weeks before it"
    is_misdated = is_late | is_early
    unread = np.array([note is not None for note in notes], dtype=bool)
    if not unread.any():
        return landed
    mask = pa.array(unread)
    landed = _replaced(landed, "note", pa.array(notes, pa.string()))
    landed = _replaced(landed, "state", pc.if_else(mask, State.UNREAD.value, state))
    if is_misdated.any():
        first = pa.scalar(FIRST_MOMENT, pa.timestamp("us"))
        landed = _replaced(landed, "effective_at", pc.if_else(pa.array(is_misdated), first, landed["effective_at"]))
    # The statement that it may be is to the own controller; as a record of another one it would deny nothing.
    return _replaced(landed, "controller", pc.if_else(pa.array(is_close), controller, landed["controller"]))


def _dated_before_a_known_consent(landed: pa.Table, denies: Mask, allows: Mask) -> Mask:
    """Return which denials take effect weeks before they were recorded, and before a consent recorded earlier."""
    begin = pc.subtract(landed["recorded_at"], pa.scalar(_LATE_RECORDING))
    found = denies & _mask(pc.fill_null(pc.less(landed["effective_at"], begin), False))
    rows = np.flatnonzero(found)
    if not len(rows):
        return found
    consents: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    columns = ("subject_id", "purpose", "effective_at", "recorded_at")
    for subject, purpose, at, recorded in _values(landed, columns, np.flatnonzero(allows)):
        for about in (purpose, EVERY_PURPOSE):
            consents[subject, about].append((at, recorded or at))
    for row, (subject, purpose, at, recorded) in zip(rows, _values(landed, columns, rows), strict=True):
        found[row] = any(later > at and known < recorded for later, known in consents[subject, purpose])
    return found


def _values(table: pa.Table, columns: Sequence[str], rows: npt.NDArray[np.int64]) -> Iterator[tuple[Any, ...]]:
    taken = table.select(list(columns)).take(pa.array(rows))
    return zip(*(taken[name].to_pylist() for name in columns), strict=True)


def _in_order(landed: pa.Table, zone: str) -> pa.Table:
    """Return the rows; in the hour that the clock repeats, those that allow more count from just before it."""
    moments = landed["effective_at"].cast(pa.timestamp("us"))
    early, late = (
        pc.assume_timezone(moments, zone, ambiguous=kind, nonexistent=kind) for kind in ("earliest", "latest")
    )
    rows = np.flatnonzero(_mask(pc.not_equal(early, late)))
    if not len(rows):
        return landed
    at, states = moments.to_pylist(), landed["state"].to_pylist()
    for row in rows.tolist():
        if is_repeated(at[row], zone):
            at[row] = settled(at[row], states[row], zone)
    return _replaced(landed, "effective_at", pa.array(at, pa.timestamp("us")))


def _each_purpose(landed: pa.Table, policy: Policy) -> pa.Table:
    """Return the rows; a withdrawal of every purpose becomes one withdrawal for each purpose with its own consent."""
    own = pa.array(sorted({"objected", "objection_lifted", "restricted", "restriction_lifted", "unread", "resolved"}))
    every = pc.and_(pc.equal(landed["purpose"], EVERY_PURPOSE), pc.invert(pc.is_in(landed["state"], value_set=own)))
    if not pc.any(every, min_count=0).as_py():
        return landed
    purposes = [purpose for purpose in policy.purposes if policy.taxonomy.consent_of(purpose) == purpose]
    parts = [landed.filter(pc.invert(every))]
    withdrawn = landed.filter(every)
    for purpose in purposes:
        ids = pc.binary_join_element_wise(withdrawn["record_id"], purpose, ":")
        each = _replaced(withdrawn, "record_id", ids)
        parts.append(_replaced(each, "purpose", pa.array([purpose] * len(each), pa.string())))
    return pa.concat_tables(parts)


def _replaced(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(name)
    return table.set_column(place, field, values.cast(field.type))


def _mask(column: pa.ChunkedArray) -> Mask:
    return np.asarray(column.to_numpy(), dtype=bool)
