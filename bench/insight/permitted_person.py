"""Finds people who were scored without permission. It shares no code with the decisions and filters that it examines.

It reads the raw records of consent and who is which customer, decides in plain Python, and looks into each place with
measures or scores. Laws that end a consent earlier are left out, so a person whom it permits may still be denied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from features.store.opening import open_online_store
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from privacy.consent.store import ConsentStore

TABLES = ("gold/customer_score_input", "gold/customer_score")
ONLINE = "online/customer_score"
_KINDS = {"objected": "objection", "objection_lifted": "objection", "restricted": "restriction",
          "restriction_lifted": "restriction", "unread": "unread", "resolved": "unread"}  # fmt: skip
Record = Mapping[str, Any]


def permitted_customers(store: ConsentStore, moment: datetime, own: str = "personalisation") -> set[str]:
    """Return the customers who permit personalisation at a moment and have not refused `own` by itself."""
    records = [one for one in store.record_table().to_pylist() if one["effective_at"] <= moment]
    customer_of: dict[str, str | None] = {}
    for row in sorted(store.membership_table().to_pylist(), key=lambda one: one["from_at"]):
        if row["from_at"] <= moment:
            customer_of[row["subject_id"]] = row["customer_id"]
    by_customer: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for one in records:
        subject = one["subject_id"]
        if customer := customer_of.get(subject, subject):
            by_customer[customer][subject].append(one)
    return {name for name, people in by_customer.items() if _permits(people.values(), moment, own)}


def unpermitted(lakehouse: Lakehouse, permitted: set[str]) -> dict[str, int]:
    """Return for each table the number of customers in it who are not permitted; a table without one is left out."""
    found = {name: set(lakehouse.rows(name, ["customer_id"])["customer_id"].to_pylist()) for name in TABLES}
    return {name: len(customers - permitted) for name, customers in found.items() if customers - permitted}


def evaluate(installation: Installation, moment: datetime) -> dict[str, int]:
    """Return the number of unpermitted customers in each place of an installation that has one."""
    with closing(installation.open_consent_store()) as store:
        permitted = permitted_customers(store, moment)
    found = unpermitted(installation.lakehouse, permitted)
    with closing(open_online_store(installation)) as online:
        strangers = sorted(set(online.customers()) - permitted)
        served = sum(bool(row) for row in online.read(strangers, ("customer_score",)))
    return found | ({ONLINE: served} if served else {})


def _permits(people: Iterable[list[Record]], moment: datetime, own: str) -> bool:
    consents: list[bool] = []
    refusals: list[bool] = []
    for records in people:
        answered = {one["supersedes"] for one in records}
        for purpose in {one["purpose"] for one in records} & {"personalisation", own, "*"}:
            about = [one for one in records if one["purpose"] == purpose]
            if any(one["state"] == "unread" and one["record_id"] not in answered for one in about):
                return False
            for kind, blocks in (("objection", "objected"), ("restriction", "restricted")):
                newest = _newest([one for one in about if _KINDS.get(one["state"]) == kind], blocks)
                if newest is not None and newest["state"] == blocks:
                    return False
            consent = _newest([one for one in about if one["state"] not in _KINDS], "withdrawn")
            if consent is not None:
                is_given = consent["state"] in ("given", "renewed")
                is_given &= consent["expires_at"] is None or consent["expires_at"] > moment
                (consents if purpose == "personalisation" else refusals).append(is_given)
    return bool(consents) and all(consents) and all(refusals)


def _newest(records: list[Record], restrictive: str) -> Record | None:
    """Return the record that took effect last; of several, that recorded last; of those, the restrictive one."""
    by_id = {one["record_id"]: one for one in records}
    corrected = set()
    for one in records:
        other = by_id.get(one["supersedes"])
        if other and one["recorded_at"] >= other["recorded_at"] and one["effective_at"] <= other["effective_at"]:
            corrected.add(other["record_id"])
    left = [one for one in records if one["record_id"] not in corrected]
    return max(
        left, key=lambda one: (one["effective_at"], one["recorded_at"], one["state"] == restrictive), default=None
    )
