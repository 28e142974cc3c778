"""Judges answers to access requests against the simulator's truth: does an answer contain another person's data?

The judge knows the true person behind each record (`truth/record.parquet`), which no pipeline reads. It looks twice:

- record: each row of a source must be about the person. Its key leads to the true person.
- value: no name, phone, e-mail or address of another person of the same home may be in an answer.

A value that both people truly have, such as the telephone of a couple, is no finding. Nor is a second telephone number
that the person typed into the own registration.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from privacy.protection.normal_form import normalise_phone
from privacy.rights.subject_store import ExportedTable

_KEYS = {
    "app_event": "device_id", "cj_campaigns": "household_id", "cj_coupon_redemptions": "household_id",
    "cj_demographics": "household_id", "cj_transactions": "household_id", "consent_event": "record_id",
    "crm_customer": "member_no", "delivery": "delivery_no", "lifestyle_survey": "response_id",
    "loyalty_card": "card_no", "nps_survey": "response_id", "recommendation_event": "recommendation_id",
    "return_item": "return_no", "review": "review_id", "support_ticket": "ticket_id", "web_event": "session_id",
    "web_session": "session_id", "wishlist": "item_id",
}  # fmt: skip
"""Column of each source by which `truth/record.parquet` names the record."""
_OF_ACCOUNT = ("cj_campaigns", "cj_coupon_redemptions", "cj_demographics")
_NAMED_IN = {"web_event": "web_session", **dict.fromkeys(_OF_ACCOUNT, "cj_transactions")}
"""Source under which the truth names the key of another one."""
_OWN_RECORDS = ("bronze/crm_customer", "bronze/loyalty_card", "bronze/quarantine")
"""Tables whose rows the person has filled in."""


@dataclass
class Judgement:
    """Numbers over all judged answers, and the findings: table and kind, with another person's data."""

    answers: int = 0
    rows: int = 0
    unknown: int = 0
    withheld_rows: int = 0
    findings: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Truth:
    """The true persons: of each record, and their names, numbers and addresses by home."""

    person_of: Mapping[tuple[str, str], str]
    values_of: Mapping[str, frozenset[str]]
    home_of: Mapping[str, int]
    people_of: Mapping[int, tuple[str, ...]]

    @classmethod
    def read(cls, folder: Path) -> Truth:
        """Return the truth of a simulated market."""
        records = pq.read_table(folder / "record.parquet").to_pylist()
        people = pq.read_table(folder / "person.parquet").to_pylist()
        homes: dict[int, list[str]] = defaultdict(list)
        for person in people:
            homes[person["household_id"]].append(person["person_id"])
        return cls(
            {(record["source"], record["key"]): record["person_id"] for record in records},
            {person["person_id"]: frozenset(_identifiers(person)) for person in people},
            {person["person_id"]: person["household_id"] for person in people},
            {home: tuple(members) for home, members in homes.items()},
        )

    def owner(self, source: str, row: Mapping[str, Any]) -> str | None:
        """Return the true person of a row; None where the truth has no such record."""
        key = row.get(_KEYS.get(source, ""))
        return None if key is None else self.person_of.get((_NAMED_IN.get(source, source), str(key)))

    def of_others(self, person: str) -> frozenset[str]:
        """Return the values that other people of the person's home have, and the person has not."""
        others = self.people_of.get(self.home_of.get(person, -1), ())
        theirs = frozenset[str]().union(*(self.values_of[other] for other in others if other != person))
        return theirs - self.values_of[person]


def judge(truth: Truth, person: str, tables: Iterable[ExportedTable], into: Judgement) -> None:
    """Add the judgement of one answer; `person` is the true person who asked."""
    into.answers += 1
    theirs = truth.of_others(person)
    for table in tables:
        source = table.name.removeprefix("bronze/")
        into.withheld_rows += table.withheld_rows
        for row in table.rows:
            into.rows += 1
            if source in _KEYS:
                owner = truth.owner(source, row)
                if owner is None:
                    into.unknown += 1
                elif owner != person:
                    into.findings.append((table.name, "record", person))
            # Contained, not equal: a free text may have a name in it.
            if any(other in found for found in _values(row, table.name in _OWN_RECORDS) for other in theirs):
                into.findings.append((table.name, "value", person))


def true_person(truth: Truth, tables: Iterable[ExportedTable]) -> str | None:
    """Return the true person of most of a customer's registrations; None without one."""
    owners = [
        owner
        for table in tables
        if table.name in ("bronze/crm_customer", "bronze/loyalty_card")
        for row in table.rows
        if (owner := truth.owner(table.name.removeprefix("bronze/"), row))
    ]
    return max(set(owners), key=owners.count) if owners else None


def _identifiers(person: Mapping[str, Any]) -> Iterator[str]:
    for name in ("name", "name_latin", "name_native", "name_hangul", "previous_name", "email"):
        if person[name]:
            yield _plain(person[name])
    if person["phone"]:
        yield str(normalise_phone(person["phone"]) or person["phone"])


def _values(row: Mapping[str, Any], is_own_record: bool) -> Iterator[str]:
    for value in row.values():
        if not isinstance(value, str):
            continue
        yield _plain(value)
        yield from (_plain(mail) for mail in re.findall(r"[\w.+-]+@[\w.-]+", value))
        # Of the own registration the first number only: the second was typed by the person.
        numbers = re.findall(r"\+?\d[\d ()./-]{7,}\d", value)
        for number in numbers[:1] if is_own_record else numbers:
            yield str(normalise_phone(number) or "")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
