"""E-mail addresses and phone numbers of customers, opened to be hashed for an advertising platform.

This is the only path on which a contact leaves encryption for an export, and `PURPOSE` is its only purpose: a column
without it is not opened (`privacy.protection.revealer`). Each use is in the audit log before anything is decrypted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from installation.contract.document import Contract
from installation.installation import Installation
from installation.lakehouse.rows import quoted
from privacy.access.reader import CUSTOMER
from privacy.access.table_part import CUSTOMER_KEY
from privacy.protection.normal_form import normalise_email, normalise_phone
from privacy.protection.revealer import needed_columns

PURPOSE = "audience_sharing"
KINDS: Mapping[str, Callable[[str], str | None]] = {"email": normalise_email, "phone": normalise_phone}
"""Kinds of contacts, and their normal forms: lower case, and E.164."""
_ATTRIBUTES = "silver/customer_attribute"


class Contact(NamedTuple):
    """A contact by its matching key, which tells nothing without the secret."""

    kind: str
    token: str


@dataclass(frozen=True)
class ContactBook:
    """The contacts of an installation that may serve `PURPOSE`. `who` is named in the audit log."""

    installation: Installation
    who: str

    def current(self, customers: Collection[str]) -> dict[str, tuple[Contact, ...]]:
        """Return the e-mail address and phone number that silver has chosen for each customer; none without a row."""
        lakehouse, found = self.installation.lakehouse, dict[str, list[Contact]]()
        if lakehouse.exists(_ATTRIBUTES):
            kinds = ", ".join(f"'{kind}'" for kind in sorted(KINDS))
            rows = lakehouse.select(_ATTRIBUTES, "customer_id, attribute, token", f"attribute IN ({kinds})")
            for row in rows.to_pylist():
                contact = Contact(row["attribute"], row["token"])
                if row["customer_id"] in customers and contact in self.owners:
                    found.setdefault(row["customer_id"], []).append(contact)
        return {customer: tuple(sorted(contacts)) for customer, contacts in found.items()}

    @cached_property
    def owners(self) -> Mapping[Contact, frozenset[str | None]]:
        """Every contact that a source states, and the customers of its rows; None for rows of nobody who is known."""
        found: dict[Contact, set[str | None]] = {}
        for contract, kinds in self._sources():
            for kind, token, customer in self._stated(contract, kinds):
                found.setdefault(Contact(kind, token), set()).add(customer)
        return {contact: frozenset(customers) for contact, customers in found.items()}

    def opened(self, contacts: Collection[Contact]) -> dict[Contact, str]:
        """Return contacts in their normal form. Callers must hash them at once. An erased one is left out.

        Raises:
            PurposeError: a contract does not let the column serve `PURPOSE`.
            ProtectionError: a key or ciphertext is missing or was changed.
            AuditError: the use cannot be logged.
        """
        found: dict[Contact, str] = {}
        reveal = self.installation.revealer(self.who, PURPOSE)
        for contract, kinds in self._sources():
            for kind, column in kinds.items():
                missing = [one.token for one in contacts if one.kind == kind and one not in found]
                if missing:
                    rows = self._rows_of(contract, kind, column, missing)
                    clear = reveal(contract, rows)[column].to_pylist()
                    for token, text in zip(rows[f"{column}_token"].to_pylist(), clear, strict=True):
                        value = None if text is None else KINDS[kind](text)
                        if value is not None:
                            found[Contact(kind, token)] = value
        return found

    def _rows_of(self, contract: Contract, kind: str, column: str, tokens: Collection[str]) -> pa.Table:
        """Return one row of a source for each of these contacts, with what its decryption needs."""
        names = dict.fromkeys((column, f"{column}_token", *needed_columns(contract)))
        rows = self.installation.lakehouse.select(contract.table, quoted([*names]), f'"{column}" IS NOT NULL')
        rows = rows.filter(pc.is_in(rows[f"{column}_token"], value_set=pa.array(sorted(tokens), pa.string())))
        places = rows.append_column("_place", pa.array(range(rows.num_rows), pa.int64()))
        first = places.group_by(f"{column}_token").aggregate([("_place", "min")])["_place_min"]
        return rows.take(first.combine_chunks())

    def _stated(self, contract: Contract, kinds: Mapping[str, str]) -> Iterator[tuple[str, str, str | None]]:
        key = str(contract.subject_key)
        token_kind = None if key == CUSTOMER_KEY else contract.column(key).token
        own = key if token_kind is None else f"{key}_token"
        names = dict.fromkeys((own, *(f"{column}_token" for column in kinds.values())))
        rows = self.installation.lakehouse.rows(contract.table, [*names])
        owners = self.installation.arrow_tables.with_customer(rows, key, token_kind)[CUSTOMER].to_pylist()
        for kind, column in kinds.items():
            for token, owner in zip(rows[f"{column}_token"].to_pylist(), owners, strict=True):
                if token is not None:
                    yield kind, token, owner

    def _sources(self) -> Iterator[tuple[Contract, dict[str, str]]]:
        """Yield the sources with contacts that serve the purpose, and the column of each kind."""
        for contract in self.installation.contracts.sources:
            kinds = {
                str(one.token): one.name
                for one in contract.encrypted_columns
                if one.token in KINDS and PURPOSE in one.purposes
            }
            if kinds and contract.subject_key is not None and self.installation.lakehouse.exists(contract.table):
                yield contract, kinds
