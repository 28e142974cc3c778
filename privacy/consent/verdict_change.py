"""Finds verdicts that changed after silver/permission was built, so that a read uses the newest consent records."""

from __future__ import annotations

from contextlib import closing

from privacy.consent.errors import ConsentError
from privacy.consent.index import DecisionIndex
from privacy.consent.timeline import build_timeline
from privacy.consent.view import ConsentView

PERMISSION = "silver/permission"
"""The table of verdicts over time, of all customers."""
_RULES = f"{PERMISSION}:rules"
"""Name under which the store keeps the rules that the table was built with."""


def note_permissions(view: ConsentView) -> None:
    """Store the position in the consent record up to which silver/permission was built. Call it after each build."""
    built = {PERMISSION: f"{view.sequence[0]}.{view.sequence[1]}", _RULES: _rules(view)}
    with closing(view.open()) as store:
        if {name: store.taken(name) for name in built} != built:
            store.note_all_taken(built)


def changed_verdicts(view: ConsentView, purpose: str) -> dict[str, bool]:
    """Return the verdict at the view's moment of each customer whose records changed since silver/permission was built.

    A change is a new record or a new membership of one of the customer's source persons. The identifiers of these
    source persons are keys as well: a source person may be a customer of its own. The verdicts of all other customers
    are in silver/permission.

    Raises:
        ConsentError: silver/permission was never built, its position is not recorded, or it was built with other rules.
        UnknownPurposeError: no such purpose.
    """
    view.policy.taxonomy[purpose]  # raises UnknownPurposeError
    with closing(view.open()) as store:
        position = store.taken(PERMISSION)
        if position is None:
            raise ConsentError(f"The position up to which {PERMISSION} was built is not recorded: run `bojagi run`.")
        if store.taken(_RULES) not in (None, _rules(view)):  # None: built before the rules were recorded
            raise ConsentError(f"{PERMISSION} was built with other purposes, laws or controller: run `bojagi run`.")
        record, _, membership = position.partition(".")
        changed = store.changed_since((int(record), int(membership)))
        if not changed:
            return {}
        subjects = sorted({subject for customer in changed for subject in store.subjects_of(customer)})
        records, members = store.record_table(subjects), store.membership_table(subjects)
    index = DecisionIndex(build_timeline(records, members, view.policy, view.controller), view.policy)
    return {customer: index.is_permitted(customer, purpose, view.moment) for customer in sorted(changed)}


def _rules(view: ConsentView) -> str:
    return f"{view.policy.digest} {view.controller}"
