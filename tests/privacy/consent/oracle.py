"""An independent implementation of the decision, one record at a time.

Written from the text of the rules; it imports nothing of `privacy/consent` and is slow and plain. Read it
beside `privacy/consent/law/*.yaml` and `purpose.yaml`. `broken` leaves one rule out, for negative controls.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

CONTRACT = {"service_delivery"}
DUTY = {"legal_records"}
INTEREST = {"identity_resolution", "quality_assurance"}
OWN_CONSENT = {
    "analytics", "personalisation", "marketing", "night_advertising", "audience_sharing", "research",
    "sensitive_research",
}  # fmt: skip
SENSITIVE = {"pd:Health", "pd:MedicalHealth", "pd:Religion", "pd:PoliticalOpinion"}
"""Categories of PIPA 23 and its decree 18 that the random records name."""
RESTS_ON = {"advertising_message": "marketing", "model_training": "personalisation"}
PURPOSES = (*CONTRACT, *DUTY, *INTEREST, *OWN_CONSENT, *RESTS_ON, "pseudonymised_research")


@dataclass
class Oracle:
    records: list[dict[str, Any]]
    membership: list[dict[str, Any]]
    controller: str
    known_at: datetime | None = None
    broken: str = ""

    def __post_init__(self) -> None:
        self.said: dict[str, list[dict[str, Any]]] = defaultdict(list)
        known = [
            r
            for r in self.records
            if r["controller"] == self.controller and (self.known_at is None or r["recorded_at"] <= self.known_at)
        ]
        by_id = {r["record_id"]: r for r in known}
        struck = {r["supersedes"] for r in known if self._corrects(r, by_id.get(r["supersedes"]))}
        for r in known:
            if r["record_id"] not in struck:
                self.said[r["subject_id"]].append(r)
        self.moves: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.membership:
            self.moves[row["subject_id"]].append(row)
        self.ever_of: dict[str, set[str]] = defaultdict(set)
        for subject in self.said:
            for row in self.moves.get(subject, [{"customer_id": subject}]):
                self.ever_of[row["customer_id"]].add(subject)

    def permitted(self, customer: str, purpose: str, at: datetime) -> bool:
        people = [s for s in self.ever_of.get(customer, ()) if self._belongs(s, customer, at)]
        if self._is_stopped(people, purpose, at) or self._has_unread(people, purpose, at):
            return False
        if purpose in CONTRACT | DUTY | INTEREST | {"pseudonymised_research"}:
            return True
        if purpose in RESTS_ON:
            if self._is_stopped(people, RESTS_ON[purpose], at):
                return False
            has_base = self._consents(people, RESTS_ON[purpose], at)
            if self.broken == "base_consent":  # as if a consent under its own name were enough
                has_base = has_base or self._consents(people, purpose, at)
            if not has_base:
                return False
            if self._refuses(people, purpose, at):
                return False
            is_night = at.hour >= 21 or at.hour < 8
            if purpose != "advertising_message" or not is_night or self.broken == "night":
                return True
            return (
                self._consents(people, "night_advertising", at)
                and not self._is_stopped(people, "night_advertising", at)
                and not self._has_unread(people, "night_advertising", at)
            )
        return self._consents(people, purpose, at)

    def _corrects(self, new: dict[str, Any], old: dict[str, Any] | None) -> bool:
        if old is None or old is new or (new["state"] == "unread" and self.broken != "unread"):
            return False
        if old["state"] == "unread":
            return bool(new["subject_id"] == old["subject_id"])
        same = all(new[key] == old[key] for key in ("subject_id", "purpose")) and topic(new) == topic(old)
        return same and new["effective_at"] <= old["effective_at"] and new["recorded_at"] >= old["recorded_at"]

    def _belongs(self, subject: str, customer: str, at: datetime) -> bool:
        rows = self.moves.get(subject)
        if not rows:
            return subject == customer
        begun = [row for row in rows if row["from_at"] <= at]
        return bool(begun) and max(begun, key=lambda row: row["from_at"])["customer_id"] == customer

    def _in_force(self, subject: str, about: str, purpose: str, at: datetime) -> list[dict[str, Any]]:
        """Returns the record in force; several if they took effect at one moment and were recorded at one moment."""
        said = [
            r for r in self.said[subject] if topic(r) == about and r["purpose"] == purpose and r["effective_at"] <= at
        ]
        if not said:
            return []
        newest = max((r["effective_at"], r["recorded_at"]) for r in said)
        return [r for r in said if (r["effective_at"], r["recorded_at"]) == newest]

    def _is_stopped(self, people: list[str], purpose: str, at: datetime) -> bool:
        if purpose in DUTY or self.broken == "override":
            return False
        stopping = {"restriction": "restricted"} if purpose in CONTRACT else {
            "restriction": "restricted", "objection": "objected",
        }  # fmt: skip
        return any(
            record["state"] == word
            for subject in people
            for about, word in stopping.items()
            for concerned in (purpose, "*")
            for record in self._in_force(subject, about, concerned, at)
        )

    def _has_unread(self, people: list[str], purpose: str, at: datetime) -> bool:
        """Returns whether a statement about the purpose, its base or all purposes could not be read."""
        if purpose not in OWN_CONSENT | set(RESTS_ON) or self.broken == "unread":
            return False
        base = RESTS_ON.get(purpose, purpose)
        return any(
            r["state"] == "unread" and r["purpose"] in (purpose, base, "*") and r["effective_at"] <= at
            for subject in people
            for r in self.said[subject]
        )

    def _refuses(self, people: list[str], purpose: str, at: datetime) -> bool:
        """Returns whether a consent record in force about the purpose itself does not permit, of any source person."""
        if self.broken == "own_refusal":
            return False
        in_force = [self._in_force(subject, "consent", purpose, at) for subject in people]
        return any(not self._says_yes(record, at) for records in in_force for record in records)

    def _consents(self, people: list[str], purpose: str, at: datetime) -> bool:
        answers = []
        for subject in people:
            in_force = self._in_force(subject, "consent", purpose, at)
            if in_force:
                answers.append(all(self._says_yes(r, at) for r in in_force))
        if self.broken == "merge":
            return any(answers)
        return bool(answers) and all(answers)

    def _says_yes(self, r: dict[str, Any], at: datetime) -> bool:
        if r["state"] not in ("given", "renewed"):
            return False
        if r["expires_at"] is not None and at >= r["expires_at"] and self.broken != "expiry":
            return False
        age, guardian = r["age_years"], r["expressed_by"] == "guardian"
        if r["jurisdiction"] == "KR":
            if (age is None or age < 14) and not guardian and self.broken != "guardian":
                return False  # PIPA 22-2
            if r["asked"] != "separately" and self.broken != "separate":
                return False  # PIPA 22: every purpose that rests on consent here is optional
            if "pd:OfficialID" in (r["data_categories"] or "").split(",") and self.broken != "rrn":
                return False  # PIPA 24-2
            if (
                r["purpose"] == "sensitive_research" and self.broken != "sensitive"
            ):  # PIPA 23: on its own, about it alone
                about = {name.strip() for name in (r["data_categories"] or "").split(",") if name.strip()}
                if not about or not all(name in SENSITIVE for name in about):
                    return False
            too_old = at >= r["effective_at"] + timedelta(days=730)
            # Network Act 50(8)
            return not (r["purpose"] in ("marketing", "night_advertising") and too_old and self.broken != "reconfirm")
        if r["jurisdiction"] == "US":
            return guardian or (age is not None and age >= 13)  # COPPA
        return False


def topic(record: dict[str, Any]) -> str:
    if record["state"] in ("objected", "objection_lifted"):
        return "objection"
    if record["state"] in ("restricted", "restriction_lifted"):
        return "restriction"
    if record["state"] in ("unread", "resolved"):
        return "unread"
    return "consent"
