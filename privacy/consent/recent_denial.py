"""Who has said no since the tables were made."""

from __future__ import annotations

from contextlib import closing

from privacy.consent.errors import ConsentError
from privacy.consent.index import DecisionIndex
from privacy.consent.timeline import build_timeline
from privacy.consent.view import ConsentView

PERMISSION = "silver/permission"


def note_permissions(view: ConsentView) -> None:
    """Remember in the record up to which of its entries silver/permission goes. Call it when the table is written."""
    told = f"{view.sequence[0]}.{view.sequence[1]}"
    with closing(view.open()) as store:
        if store.taken(PERMISSION) != told:
            store.note_taken(PERMISSION, told)


def changed_verdicts(view: ConsentView, purpose: str) -> dict[str, bool]:
    """Return whether each customer whose record changed since silver/permission was built permits the purpose.

    A record changes by a new consent record, or by a source person that moved to the customer or away.

    Raises:
        ConsentError: silver/permission does not say up to which record it goes.
    """
    with closing(view.open()) as store:
        position = store.taken(PERMISSION)
        if position is None:
            raise ConsentError(f"{PERMISSION} has no recorded position: run `bojagi run`.")
        record, _, membership = position.partition(".")
        changed = store.changed_since((int(record), int(membership)))
        if not changed:
            return {}
        subjects = sorted({subject for customer in changed for subject in store.subjects_of(customer)})
        records, members = store.record_table(subjects), store.membership_table(subjects)
    index = DecisionIndex(build_timeline(records, members, view.policy, view.controller), view.policy)
    return {customer: index.is_permitted(customer, purpose, view.moment) for customer in sorted(changed)}
