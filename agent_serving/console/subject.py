"""Finds the customer that a page is about, by the identifier as the role sees it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agent_serving.console.errors import UnknownCustomer
from installation.installation import Installation
from privacy.access.plan import sees_pseudonyms
from privacy.access.pseudonym import pseudonyms
from privacy.consent.record import is_opaque_id
from privacy.rights.wording import Wording

_CUSTOMERS = "silver/customer"
_IDENTIFIERS = "silver/identifier"
KINDS = {
    "email": Wording("E-mail address", "이메일"), "phone": Wording("Phone number", "전화번호"),
    "member_no": Wording("Member number", "회원번호"), "card_no": Wording("Card number", "카드번호"),
    "account_no": Wording("Account number", "계정번호"),
}  # fmt: skip
"""Numbers by which a customer is looked up."""
_MOST_INDEXES = 8
"""Roles and purposes whose pseudonyms are kept; 100,000 customers take 15 MB each."""


@dataclass(frozen=True)
class Subject:
    """The customer of a page.

    Attributes:
        customer_id: as the platform stores it. It must not be shown to a role that sees pseudonyms.
        seen: as the role sees it, for links, texts and `TableReader.read(…, customer=seen)`.
    """

    customer_id: str
    seen: str


class Reading(Protocol):
    """Who reads: role and purpose."""

    @property
    def role(self) -> str:
        """The role."""

    @property
    def purpose(self) -> str:
        """The purpose."""


class Reader(NamedTuple):
    """Who reads outside of a session."""

    role: str
    purpose: str


class SubjectIndex:
    """Leads from an identifier as a role sees it to the customer. Any number of threads may share it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[int | None, dict[str, str]]] = {}

    def find(self, seen: str, reading: Reading) -> Subject:
        """Return the customer. Consent is not decided here: `TableReader` does so for each value.

        Raises:
            UnknownCustomer: there is no such customer.
            LakehouseError: there are no customers yet.
        """
        if self.is_pseudonymised(reading):
            customer = self._customers(reading.role, reading.purpose).get(seen)
        else:
            customer = seen if self._exists(seen) else None
        if customer is None:
            raise UnknownCustomer("There is no such customer.")
        return Subject(customer, seen)

    def is_pseudonymised(self, reading: Reading) -> bool:
        """Return whether the role sees pseudonyms, so that no number may lead it to a customer."""
        return sees_pseudonyms(self._installation.roles[reading.role], reading.purpose, self._installation.policy)

    def owner(self, kind: str, value: str) -> Subject | None:
        """Return the only customer who has a number, for a role that sees customers as stored; None without one.

        Raises:
            LakehouseError: there are no customers yet.
        """
        token = self._installation.tokenizer.token(kind, value)
        if token is None:
            return None
        where = f"token_kind = '{kind}' AND token = '{token}'"
        owners = set(self._installation.lakehouse.rows(_IDENTIFIERS, ["customer_id"], where)["customer_id"].to_pylist())
        customer = owners.pop() if len(owners) == 1 else None
        return None if customer is None else Subject(customer, customer)

    def _exists(self, customer: str) -> bool:
        # An opaque identifier has no quote, so it cannot break out of the SQL text.
        return is_opaque_id(customer) and bool(
            self._installation.lakehouse.select(_CUSTOMERS, "customer_id", f"customer_id = '{customer}'").num_rows
        )

    def _customers(self, role: str, purpose: str) -> dict[str, str]:
        """Return the customer of each pseudonym; computed anew when the table of customers has a new version."""
        lakehouse = self._installation.lakehouse
        version = lakehouse.version(_CUSTOMERS)
        with self._lock:
            known = self._known.get((role, purpose))
            if known is None or known[0] != version:
                ids = lakehouse.rows(_CUSTOMERS, ["customer_id"])["customer_id"].to_pylist()
                made = pseudonyms(self._installation.pseudonym_key, role, purpose, ids)
                known = (version, {pseudonym: one for one, pseudonym in made.items()})
                self._known.pop((role, purpose), None)
                while len(self._known) >= _MOST_INDEXES:
                    self._known.pop(next(iter(self._known)))
                self._known[role, purpose] = known
            return known[1]
