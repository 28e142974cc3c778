"""Writes the customer of each source person to the consent record, so that consent follows merges and splits.

Such a row is a membership: it assigns a source person to a customer from a moment on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent.shared_key import SharedDenials, record_shared_denials
from pipelines.derived_table.fingerprint import state
from pipelines.derived_table.table import BuildContext
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.record import SUBJECT_TOKEN_KIND
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView

KEYS = "silver/identifier"
MERGES = "silver/identity_event"
INPUTS = (KEYS, MERGES)
_BEGINNING = datetime(1, 1, 1)
_Assignment = tuple[str, str | None, datetime]


@dataclass(frozen=True)
class AssignmentResult:
    """Result of an assignment.

    Attributes:
        rows: memberships in the store.
        added: new memberships.
        was_current: whether the inputs were unchanged; then nothing was read.
        denials: the denials by keys that several customers share.
    """

    rows: int
    added: int
    was_current: bool
    denials: SharedDenials = field(default_factory=SharedDenials)


def assign_source_persons(lakehouse: SparkLakehouse, context: BuildContext, view: ConsentView) -> AssignmentResult:
    """Add a membership for each source person that is new or has a new customer; return the counts.

    The membership of a new source person begins at the earliest time. After a merge or a split the new membership
    begins at the view's moment. Records can also be stored under a customer id; when that customer is merged, they
    move with it.
    """
    with closing(view.open()) as store:
        # Records can be stored under a customer id, so a new record may need a membership.
        tables = "-".join(state(name, lakehouse, context) for name in INPUTS)
        if store.taken(KEYS) == f"{tables}-{store.sequence()[0]}":
            return AssignmentResult(store.sequence()[1], 0, was_current=True)
        owned = lakehouse.rows(KEYS, ["token", "customer_id"])
        denials = record_shared_denials(lakehouse, context.contracts, store, owned, view.controller)
        new = new_assignments(lakehouse, store, view.moment, denials.shared)
        store.assign_all(new)
        if not denials.faults:  # a fault is reported in each run
            store.note_taken(KEYS, f"{tables}-{store.sequence()[0]}")
        return AssignmentResult(store.sequence()[1], len(new), was_current=False, denials=denials)


def new_assignments(
    lakehouse: Lakehouse, store: ConsentStore, moment: datetime, shared: Set[str] = frozenset()
) -> list[_Assignment]:
    """Return the memberships that the store lacks: source person, customer, and moment from which it is valid.

    The tables are compared in Arrow; only the missing memberships become Python objects. A key that has left
    silver/identifier keeps its customer, so that the end of a row's retention ends no withdrawal. A key in `shared`
    belongs to no customer from the moment on.
    """
    keys = lakehouse.rows(KEYS, ["token_kind", "token", "customer_id"])
    # A statement may name its person by another key than the member number, such as an e-mail address.
    subjects = store.subjects()
    is_member = pc.equal(keys["token_kind"], SUBJECT_TOKEN_KIND)
    members = keys.filter(pc.or_(is_member, pc.is_in(keys["token"], value_set=subjects)))
    stored = _latest(store.membership_table())
    merges = lakehouse.rows(MERGES, ["from_customer_id", "to_customer_id", "occurred_at"]).sort_by("occurred_at")
    merged_into = dict(zip(merges["from_customer_id"].to_pylist(), merges["to_customer_id"].to_pylist(), strict=True))
    without_key = subjects.filter(pc.invert(pc.is_in(subjects, value_set=members["token"])))
    moved = [
        *_moved_members(members, stored, moment),
        *_moved_customers(without_key, keys, stored, merged_into, moment, shared),
    ]
    return sorted(moved, key=lambda row: (row[2], row[0]))


def _latest(memberships: pa.Table) -> pa.Table:
    """Return the last membership of each source person; a null customer_id means that it has no customer."""
    rows = memberships.sort_by([("subject_id", "ascending"), ("from_at", "ascending")])
    subject = rows["subject_id"]
    is_last = np.ones(len(rows), dtype=bool)
    is_last[:-1] = pc.not_equal(subject[:-1], subject[1:]).to_numpy()
    return rows.filter(pa.array(is_last))


def _moved_members(members: pa.Table, stored: pa.Table, moment: datetime) -> Iterator[_Assignment]:
    """Yield a membership for each source person with a matching key whose customer differs from the stored one."""
    place = pc.index_in(members["token"], value_set=stored["subject_id"])
    before = stored["customer_id"].take(place)
    has_moved = pc.invert(pc.fill_null(pc.equal(members["customer_id"], before), False))
    changed = members.append_column("is_new", pc.is_null(place)).filter(has_moved)
    for row in changed.to_pylist():
        yield row["token"], row["customer_id"], _BEGINNING if row["is_new"] else moment


def _moved_customers(
    subjects: pa.ChunkedArray, keys: pa.Table, stored: pa.Table, merged_into: Mapping[str, str], moment: datetime,
    shared: Set[str],
) -> Iterator[_Assignment]:  # fmt: skip
    """Yield the memberships of customer ids and keys without a customer whose last customer was merged into another."""
    has_moved = pc.is_in(subjects, value_set=stored["subject_id"])
    is_merged = pc.is_in(subjects, value_set=pa.array(list(merged_into), pa.string()))
    candidates = subjects.filter(pc.or_(has_moved, is_merged)).to_pylist()
    rows = stored.filter(pc.is_in(stored["subject_id"], value_set=pa.array(candidates, pa.string())))
    owner = dict(zip(rows["subject_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True))
    named = pa.array(sorted({*candidates, *merged_into, *filter(None, merged_into.values())}), pa.string())
    living = set(named.filter(pc.is_in(named, value_set=keys["customer_id"])).to_pylist())
    for subject in candidates:
        if subject not in owner:
            yield subject, subject, _BEGINNING
        is_own = subject in living or subject in merged_into or subject in shared
        customer = _follow(subject if is_own else owner.get(subject) or subject, living, merged_into)
        if owner.get(subject, subject) != customer:
            yield subject, customer, moment


def _follow(customer: str, living: Set[str], merged_into: Mapping[str, str]) -> str:
    """Follow the merges of a customer; return the customer that exists now, or the given one without a merge."""
    seen = {customer}
    while customer not in living and merged_into.get(customer) is not None and merged_into[customer] not in seen:
        customer = merged_into[customer]
        seen.add(customer)
    return customer
