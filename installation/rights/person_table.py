"""Returns what the tables of the lakehouse hold about one person: as numbers, and as rows with plain names."""

from __future__ import annotations

from collections.abc import Iterator

from installation.contract.document import Contract
from installation.contract.plain_name import PlainNames, read_plain_names
from installation.installation import Installation
from installation.rights.own_row import OwnRows, PersonRows
from installation.rights.quarantined_row import quarantined
from privacy.contract.column import Column
from privacy.contract.vocabulary import load_vocabulary
from privacy.rights.subject import Subject
from privacy.rights.subject_store import ExportedField, ExportedTable, Holding

_PORTABLE_BASES = frozenset({"consent", "contract"})
"""Legal bases of data that a person may take along (GDPR art. 20(1)(a))."""


class PersonTables:
    """Reads the tables about one person with the plain names of their contracts. `who` is named in the audit log."""

    def __init__(self, installation: Installation, who: str) -> None:
        self._installation, self._who = installation, who
        self._names = read_plain_names(installation.settings.contract_dirs)

    def find(self, subject: Subject) -> tuple[Holding, ...]:
        """Return the number of rows in each table that has rows about the person."""
        return tuple(
            Holding(
                table.name, len(table.rows), table.title, purposes_of(table), table.fields[0].source,
                table.fields[0].retention,
            )
            for table in self.export(subject)
            if table.rows
        )  # fmt: skip

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield each table that has rows about the person, or rows that may be the person's and are left out."""
        person = PersonRows(self._installation, subject, self._who)
        for contract in sorted(person.contracts, key=self._names.place):
            own = person.read(contract)
            if own.rows or own.unclear:
                yield exported(own, self._names)
        waiting = quarantined(self._installation, subject, self._names)
        if waiting is not None:
            yield waiting


def exported(own: OwnRows, names: PlainNames) -> ExportedTable:
    """Return rows of a table with the plain name, purpose, source and retention of each field."""
    contract = own.contract
    return ExportedTable(
        name=contract.table,
        title=names.table(contract),
        fields=tuple(_field(contract, column, names) for column in contract.columns),
        rows=own.rows,
        is_provided=contract.layer == "source",
        recipients=tuple(sorted({recipient.role for recipient in contract.recipients})),
        withheld_rows=own.unclear,
        withheld_values=own.withheld,
    )


def purposes_of(table: ExportedTable) -> tuple[str, ...]:
    """Return the purposes that any field of a table serves."""
    return tuple(dict.fromkeys(purpose for field in table.fields for purpose in field.purposes))


def _field(contract: Contract, column: Column, names: PlainNames) -> ExportedField:
    bases = {contract.legal_bases.get(purpose) or load_vocabulary().basis_of(purpose) for purpose in column.purposes}
    return ExportedField(
        name=column.name,
        title=names.column(contract, column.name),
        purposes=column.purposes,
        source=names.source(contract),
        retention=names.kept(contract),
        type=column.logical_type,
        is_provided=contract.layer == "source" and bool(bases & _PORTABLE_BASES),
        meaning=" ".join(column.description.split()),
    )
