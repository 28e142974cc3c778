"""Matches an installation's consenting customers with a partner's, who learns nothing about the others.

Two installations exchange two files each: an offer, and the answer to the partner's offer. See
`federated.secure.intersection` for what they reveal. The key of a match is in the secret folder until it is finished.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import asdict, dataclass

from features.repo.training_permission import permitted_customers
from features.retrieval.customer_consent import CustomerConsent
from federated.secure.intersection import POINT_BYTES, IntersectionParty, IntersectionTerms
from installation.installation import Installation
from pipelines.errors import PartnerMatchError
from privacy.audit import AuditEntry
from privacy.storage.atomic_file import create_private, create_private_folder, replace_private

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class _Kept:
    """What is kept between the steps of a match: the secret number and what the offer was made for."""

    key: str
    purpose: str
    partner_most: int
    is_answered: bool = False


@dataclass(frozen=True)
class Offered:
    """The result of an offer: its points, how many customers are in it, and how many the consent filter left out."""

    points: bytes
    customers: int
    without_consent: int


class PartnerMatch:
    """One match with a partner, by the name that both parties use."""

    def __init__(self, installation: Installation, who: str, name: str) -> None:
        """Take the name. `who`: the user in the audit log."""
        if not _NAME.fullmatch(name):
            raise PartnerMatchError(f"The name {name!r} is not allowed; use a-z, 0-9, - and _, such as spring-26")
        self._installation, self._who, self._name = installation, who, name
        self._file = installation.settings.secret_dir / "partner_match" / f"{name}.json"

    def offer(self, identifiers: dict[str, str], purpose: str, partner_most: int) -> Offered:
        """Return the offer: the identifiers of customers who permit the purpose now, hidden by a new key.

        `identifiers`: what the partner knows the customer by, for each customer id.

        Raises:
            PartnerMatchError: the match has begun already, the purpose rests on no consent, or no customer permits it.
            ConsentError: the consent record is missing or cannot be opened.
            AuditError: the use cannot be logged.
        """
        policy = self._installation.policy
        if purpose not in policy.purposes or policy.permits_by_default(purpose):
            allowed = ", ".join(name for name in policy.purposes if not policy.permits_by_default(name))
            raise PartnerMatchError(f"The purpose {purpose} rests on no consent; choose one of {allowed}")
        permitted = self._permitted(identifiers, purpose)
        if not permitted:
            raise PartnerMatchError(f"None of {len(identifiers)} customers permits {purpose} now; nothing was offered")
        party = IntersectionParty(permitted.values(), IntersectionTerms(self._name, partner_most))
        kept = _Kept(party.key.hex(), purpose, partner_most)
        create_private_folder(self._file.parent)
        if not create_private(self._file, json.dumps(asdict(kept))):
            raise PartnerMatchError(f"The match {self._name} has begun already; choose another name, with the partner")
        points = party.blind()
        self._log("offer to a partner", purpose, len(permitted))
        return Offered(points, len(permitted), len(identifiers) - len(permitted))

    def answer(self, partner_offer: bytes) -> bytes:
        """Return the answer to the partner's offer. Once only, so that the partner cannot try further identifiers.

        Raises:
            PartnerMatchError: the match has not begun here, or was answered.
            ProtocolViolation: the offer is damaged, or larger than agreed.
        """
        kept = self._read()
        if kept.is_answered:
            raise PartnerMatchError(f"The match {self._name} was answered already; a second answer could reveal more")
        party = IntersectionParty([], IntersectionTerms(self._name, kept.partner_most), key=bytes.fromhex(kept.key))
        party.blind()
        answer = party.blind_peer(partner_offer)
        replace_private(self._file, json.dumps(asdict(kept) | {"is_answered": True}))
        self._log("answer to a partner", kept.purpose, len(partner_offer) // POINT_BYTES)
        return answer

    def match(self, identifiers: dict[str, str], offer: bytes, answer: bytes, partner_answer: bytes) -> list[str]:
        """Return the common customers who still permit the purpose, sorted. The caller then calls `finish`.

        `offer` and `answer`: what this installation sent. Raises as `offer` and `answer`.
        """
        kept = self._read()
        permitted = self._permitted(identifiers, kept.purpose)
        terms = IntersectionTerms(self._name, kept.partner_most)
        party = IntersectionParty(permitted.values(), terms, key=bytes.fromhex(kept.key))
        found = set(party.match_later(offer, answer, partner_answer))
        customers = sorted(customer for customer, identifier in permitted.items() if identifier in found)
        self._log("match with a partner", kept.purpose, len(customers))
        return customers

    def finish(self) -> None:
        """Delete the key, so that no file of this match can be opened any more."""
        self._file.unlink(missing_ok=True)

    def _permitted(self, identifiers: dict[str, str], purpose: str) -> dict[str, str]:
        with closing(CustomerConsent(self._installation)) as consent:
            permitted = permitted_customers(self._installation, consent, list(identifiers), purpose)
        return {customer: identifiers[customer] for customer in permitted}

    def _read(self) -> _Kept:
        if not self._file.exists():
            raise PartnerMatchError(f"There is no open match {self._name}; begin with bojagi federated intersect offer")
        return _Kept(**json.loads(self._file.read_text()))

    def _log(self, action: str, purpose: str, customers: int) -> None:
        entry = AuditEntry(
            at=self._installation.clock(), who=self._who, role="pipeline", purpose=purpose, action=action,
            table="silver/customer", subjects=customers,
        )  # fmt: skip
        self._installation.audit_log.append(entry)
