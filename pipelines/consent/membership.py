"""Takes into the consent record whom each source person belongs to, so that merges and splits decide as they should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from pipelines.derived_table.fingerprint import state
from pipelines.derived_table.table import BuildContext
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView

KEYS = "silver/identifier"
CHANGES = "silver/identity_event"
INPUTS = (KEYS, CHANGES)
SUBJECT_KIND = "member_no"
"""The matching key under which the landed consents name who spoke."""
_BEGINNING = datetime(1, 1, 1)


@dataclass(frozen=True)
class MembershipReport:
    """How many memberships there are, how many of them are new, and whether anything had changed at all."""

    rows: int
    added: int
    was_current: bool


def take_in_memberships(lakehouse: SparkLakehouse, context: BuildContext, view: ConsentView) -> MembershipReport:
    """Say in the record to which customer each source person belongs now, where that is not what it says already.

    A source person met for the first time has always belonged to its customer; one that moved (a merge, a split)
    belongs to the other from the view's moment on. A customer that spoke under its own identifier goes where it was
    merged into.
    """
    with closing(view.open()) as store:
        # Who spoke under a customer's identifier is a matter of the records, not of the tables.
        wanted = "-".join([*(state(name, lakehouse, context) for name in INPUTS), str(store.sequence()[0])])
        if store.taken(KEYS) == wanted:
            return MembershipReport(store.sequence()[1], 0, was_current=True)
        keys = lakehouse.read(KEYS).select("token_kind", "token", "customer_id").toPandas()
        members = keys[keys["token_kind"] == SUBJECT_KIND]
        owners: dict[str, str] = dict(zip(members["token"], members["customer_id"], strict=True))
        moves = lakehouse.read(CHANGES).orderBy("occurred_at").toPandas()
        merged = dict(zip(moves["from_customer_id"], moves["to_customer_id"], strict=True))
        living = set(keys["customer_id"])
        held = _held(store)
        spoke = set(store.record_table()["subject_id"].to_pylist()) - owners.keys()
        by_itself = [(subject, subject, _BEGINNING) for subject in sorted(spoke & merged.keys() - held.keys())]
        held |= {subject: customer for subject, customer, _ in by_itself}
        owners |= {subject: _follow(subject, living, merged) for subject in spoke & held.keys()}
        new = [*by_itself, *_changes(owners, held, view.moment)]
        store.assign_all(new)
        store.note_taken(KEYS, wanted)
        return MembershipReport(store.sequence()[1], len(new), was_current=False)


def _held(store: ConsentStore) -> dict[str, str | None]:
    """Whom each source person belongs to by the latest word of the record."""
    rows = store.membership_table().sort_by([("subject_id", "ascending"), ("from_at", "ascending")])
    return dict(zip(rows["subject_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True))


def _changes(
    owners: dict[str, str], held: dict[str, str | None], moment: datetime
) -> Iterator[tuple[str, str | None, datetime]]:
    for subject, customer in sorted(owners.items()):
        if held.get(subject) != customer:
            yield subject, customer, moment if subject in held else _BEGINNING


def _follow(customer: str, living: set[str], merged: dict[str, str]) -> str:
    """The living customer that one was merged into, through however many merges."""
    seen = {customer}
    while customer not in living and merged.get(customer) is not None and merged[customer] not in seen:
        customer = merged[customer]
        seen.add(customer)
    return customer
