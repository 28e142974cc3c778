"""Reads the rows of one customer for a role and a purpose, and says of all that is withheld why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import pyarrow as pa

from agent_serving.console.part import reason_text
from agent_serving.console.subject import Subject
from installation.contract.document import Contract
from installation.contract.plain_name import PlainNames
from installation.installation import Installation
from privacy.access.errors import AccessRefused
from privacy.access.reader import TableReader
from privacy.access.table_part import TablePart
from privacy.consent.index import DecisionIndex
from privacy.rights.wording import Wording

Days = tuple[str, date, date]
"""A column of dates and its bounds, both included."""


@dataclass(frozen=True)
class OwnRows:
    """What a role may read of one customer in a table.

    Attributes:
        contract: of the table.
        rows: the rows, with the columns that may be read.
        withheld: columns that are not in the rows, and why.
        refused: the table and why nothing of it may be read; None where something may.
    """

    contract: Contract
    rows: list[dict[str, Any]] = field(default_factory=list)
    withheld: Mapping[str, Wording] = field(default_factory=dict)
    refused: Wording | None = None

    @property
    def first(self) -> dict[str, Any]:
        """The first row; empty if there is none."""
        return self.rows[0] if self.rows else {}


@dataclass(frozen=True)
class CustomerReading:
    """Reads one customer for a member of staff. Every read is decided by role and consent, and logged.

    Attributes:
        installation: has the tables.
        names: plain names of tables and columns.
        who: the member of staff, in the log.
        role: of the member of staff.
        purpose: what the rows are used for.
        subject: the customer.
        is_authenticated: whether a door has checked who reads.
    """

    installation: Installation
    names: PlainNames
    who: str
    role: str
    purpose: str
    subject: Subject
    is_authenticated: bool = False

    @cached_property
    def reader(self) -> TableReader[pa.Table]:
        """The reader of tables."""
        tables = replace(self.installation.arrow_tables, decisions=lambda: self._decisions)
        reader = self.installation.reader_on(tables, self.who)
        return replace(reader, identity="authenticated") if self.is_authenticated else reader

    @cached_property
    def is_permitted(self) -> bool:
        """Whether the customer permits the purpose now, by the decisions that filter the rows."""
        return self._decisions.is_permitted(self.subject.customer_id, self.purpose, self.reader.moment())

    @cached_property
    def _decisions(self) -> DecisionIndex:
        """The decisions about this customer at the time of the reading, so that all parts of a page agree."""
        return self.installation.consent_service().decisions_of(self.subject.customer_id)

    def own(
        self, table: str, columns: Sequence[str] | None = None, days: Days | None = None, order: str | None = None
    ) -> OwnRows:  # fmt: skip
        """Return the customer's rows of a table, the newest by `order` first.

        Columns that the role may not read are left out, with the reason; so no column is refused. A table that no run
        has made yet has no rows.

        Raises:
            ConsentError: the permissions of the purpose are unknown.
            AuditError: the read could not be logged.
        """
        contract = self.installation.contracts.table(table)
        part = TablePart(self.subject.customer_id, *(days or ()))
        patterns = None if columns is None else [f"{name[:-1]}[{name[-1]}]" for name in columns]
        if not self.installation.lakehouse.exists(table):
            return OwnRows(
                contract,
                refused=self._refusal(
                    contract, Wording("No run has made this table yet.", "아직 만들어지지 않은 테이블입니다.")
                ),
            )
        try:
            read = self.reader.read(table, self.role, self.purpose, patterns, part=part)
        except AccessRefused as refused:
            return OwnRows(contract, refused=self._refusal(contract, reason_text(refused.message)))
        # A role may read rows without the column that orders them.
        has_order = order is not None and order in read.frame.column_names
        found = read.frame.sort_by([(order, "descending")]) if has_order else read.frame
        withheld = {name: reason_text(reason) for name, reason in read.plan.left_out.items()}
        return OwnRows(contract, found.to_pylist(), withheld)

    def _refusal(self, contract: Contract, reason: Wording) -> Wording:
        name = self.names.table(contract)
        return Wording(f"{name.en}: {reason.en}", f"{name.ko}: {reason.ko}")

    def name(self, contract: Contract, column: str) -> Wording:
        """Return the plain name of a column."""
        return self.names.column(contract, column)
