"""Builds the data map from the contracts: each column's data category, purposes, legal bases, retention and recipients.

The data map is the record of processing activities of GDPR art. 30. It also holds what art. 30 of the Korean Personal
Information Protection Act requires to be disclosed. All other code takes these facts from the data map. A table or
column without a contract is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from privacy.contract.collection import read_documents
from privacy.contract.column import Column, IdentifierRole
from privacy.contract.document import Document
from privacy.contract.vocabulary import load_vocabulary
from privacy.errors import PrivacyError


class UnknownDataError(PrivacyError, KeyError):
    """The data map has no such table, column or purpose, so the data may not be used."""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class MappedColumn:
    """One column of the data map. `legal_bases` maps purpose to basis; `retention_days` is None without a limit."""

    table: str
    column: str
    category: str
    role: IdentifierRole
    is_personal: bool
    is_special: bool
    purposes: tuple[str, ...]
    legal_bases: Mapping[str, str]
    legal_article: str
    retention_days: int | None
    retention_column: str | None
    retention_basis: str
    recipients: tuple[str, ...]
    owner: str
    token: str | None
    is_subject_key: bool
    is_simulated: bool
    description: str

    def needs_consent(self, purpose: str) -> bool:
        """Return whether using this column for the purpose needs consent.

        Raises:
            UnknownDataError: the contract does not allow the purpose for this column.
        """
        if purpose not in self.purposes:
            allowed = ", ".join(self.purposes)
            message = f"{self.table}.{self.column} may not be used for {purpose!r}. Its contract allows: {allowed}."
            raise UnknownDataError(message)
        return self.legal_bases[purpose] == "consent"


class Catalog:
    """The data map of all contracts; finds columns by table, identifier role and purpose."""

    def __init__(self, entries: Iterable[MappedColumn]) -> None:
        self.entries = tuple(entries)
        self._by_table: dict[str, dict[str, MappedColumn]] = {}
        for entry in self.entries:
            self._by_table.setdefault(entry.table, {})[entry.column] = entry

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables in the data map."""
        return tuple(self._by_table)

    def columns(self, table: str) -> tuple[MappedColumn, ...]:
        """Return the columns of a table.

        Raises:
            UnknownDataError: the data map has no such table.
        """
        if table not in self._by_table:
            raise UnknownDataError(f"The data map has no table {table!r}. Correct the name or write a contract.")
        return tuple(self._by_table[table].values())

    def column(self, table: str, column: str) -> MappedColumn:
        """Return one column.

        Raises:
            UnknownDataError: the data map has no such table or column.
        """
        for entry in self.columns(table):
            if entry.column == column:
                return entry
        known = ", ".join(self._by_table[table])
        raise UnknownDataError(f"{table} has no column {column!r} in the data map. Its columns: {known}.")

    def columns_of_role(self, role: IdentifierRole, table: str | None = None) -> tuple[MappedColumn, ...]:
        """Return the columns with an identifier role, of one table, or of all tables when `table` is None."""
        entries = self.entries if table is None else self.columns(table)
        return tuple(entry for entry in entries if entry.role == role)

    def quasi_identifiers(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's quasi-identifiers, in the order of its columns."""
        return tuple(entry.column for entry in self.columns_of_role("quasi", table))

    def sensitive_attributes(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's sensitive columns, in the order of its columns."""
        return tuple(entry.column for entry in self.columns_of_role("sensitive", table))

    def purposes(self, table: str, column: str) -> tuple[str, ...]:
        """Return the purposes for which a column may be used."""
        return self.column(table, column).purposes

    def columns_for(self, table: str, purpose: str) -> tuple[str, ...]:
        """Return the names of a table's columns that may be used for a purpose."""
        return tuple(entry.column for entry in self.columns(table) if purpose in entry.purposes)

    def subject_key(self, table: str) -> str | None:
        """Return the column that identifies the person in a table's rows; None when the table is not about persons."""
        return next((entry.column for entry in self.columns(table) if entry.is_subject_key), None)

    def subject_tables(self) -> dict[str, str]:
        """Return the subject key of every table about persons. Access and erasure requests cover these tables."""
        keys = {table: self.subject_key(table) for table in self.tables}
        return {table: key for table, key in keys.items() if key is not None}

    def linked_tables(self, key: str) -> tuple[str, ...]:
        """Return the tables whose subject key is the column `key`, such as `member_no` or `customer_id`."""
        return tuple(table for table, name in self.subject_tables().items() if name == key)

    def as_rows(self) -> list[dict[str, Any]]:
        """Return the data map as a list of dicts, one per column, for JSON."""
        return [asdict(entry) for entry in self.entries]


def build_catalog(documents: Iterable[Document]) -> Catalog:
    """Return the data map of contracts that are already read."""
    return Catalog(_entry(document, column) for document in documents for column in document.columns)


def read_catalog(folders: Iterable[Path]) -> Catalog:
    """Read the contracts in the folders and return their data map.

    Raises:
        ContractError: a contract has faults; it lists all of them. No partial data map is returned.
    """
    return build_catalog(read_documents(folders).values())


def _entry(document: Document, column: Column) -> MappedColumn:
    vocabulary = load_vocabulary()
    return MappedColumn(
        table=document.table,
        column=column.name,
        category=column.category,
        role=column.role,
        is_personal=vocabulary.is_personal(column.category),
        is_special=vocabulary.is_special(column.category),
        purposes=column.purposes,
        legal_bases={
            purpose: document.legal_bases.get(purpose, vocabulary.basis_of(purpose)) for purpose in column.purposes
        },
        legal_article=document.legal_article,
        retention_days=document.retention_days,
        retention_column=document.retention_column,
        retention_basis=document.retention_basis,
        recipients=tuple(recipient.role for recipient in document.recipients),
        owner=document.owner,
        token=column.token,
        is_subject_key=column.name == document.subject_key,
        is_simulated=document.simulated,
        description=column.description,
    )
