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


def denied_since(view: ConsentView, purpose: str) -> list[str]:
    """Return the customers who do not permit the purpose and have spoken, or moved, since silver/permission was made.

    Who has agreed since is in no table yet, and comes with the next run.

    Raises:
        ConsentError: it is not known up to when the table goes.
    """
    with closing(view.open()) as store:
        told = store.taken(PERMISSION)
        if told is None:
            raise ConsentError(f"It is not known up to which record {PERMISSION} goes: run `bojagi run`.")
        record, _, membership = told.partition(".")
        changed = store.changed_since((int(record), int(membership)))
        if not changed:
            return []
        subjects = sorted({subject for customer in changed for subject in store.subjects_of(customer)})
        records, members = store.record_table(subjects), store.membership_table(subjects)
    index = DecisionIndex(build_timeline(records, members, view.policy, view.controller), view.policy)
    return sorted(customer for customer in changed if not index.is_permitted(customer, purpose, view.moment))
