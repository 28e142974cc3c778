"""The content of an answer to an access request (GDPR art. 15, PIPA art. 35 and decree art. 41)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from privacy.rights.explanation import ExplainedDecision
from privacy.rights.subject_store import ExportedTable
from privacy.rights.wording import Wording


class Group(StrEnum):
    """The part of an answer in which a table stands, by how the controller came to the data."""

    PROVIDED = "provided"
    PROFILE = "profile"
    COMBINED = "combined"
    OTHER = "other"


_GROUP_OF_LAYER = {"bronze": Group.PROVIDED, "gold": Group.PROFILE, "silver": Group.COMBINED}


class Names(Protocol):
    """Plain names of purposes and recipients."""

    def purpose(self, name: str) -> Wording:
        """Return what a purpose means."""
        ...

    def recipient(self, role: str) -> Wording:
        """Return the people or systems that a role stands for."""
        ...


@dataclass(frozen=True)
class StoreNote:
    """What a store keeps without showing rows, such as the audit log, and why."""

    store: str
    text: Wording


@dataclass(frozen=True)
class Answer:
    """Everything that is disclosed to one person. `repr` shows no data.

    Attributes:
        request_id: the request that is answered.
        made_at: the shop's local wall time.
        controller: organisation responsible for the processing.
        jurisdiction: country whose law governs, such as KR.
        tables: the rows, with plain name, purpose, source and retention of each field.
        permissions: for each purpose, whether it is permitted now.
        decisions: automated decisions that concern the person.
        notes: what stores keep without rows to show.
        outside: organisations that the person's consents name as recipients.
        names: plain names of purposes and recipients.
        is_portable: whether only data are in it that the person provided (GDPR art. 20).
        is_explanation: whether only automated decisions are in it.
    """

    request_id: str
    made_at: datetime
    controller: str
    jurisdiction: str
    tables: tuple[ExportedTable, ...] = field(repr=False)
    permissions: Mapping[str, bool] = field(repr=False)
    decisions: tuple[ExplainedDecision, ...] = field(repr=False)
    notes: tuple[StoreNote, ...]
    outside: tuple[str, ...] = field(repr=False)
    names: Names = field(repr=False)
    is_portable: bool = False
    is_explanation: bool = False

    def group(self, group: Group) -> list[ExportedTable]:
        """Return the tables of one part with rows to show, in their order."""
        return [table for table in self.tables if table.rows and group_of(table) is group]

    @property
    def withheld(self) -> list[ExportedTable]:
        """The tables of which rows or values are left out, because they may be another person's."""
        return [table for table in self.tables if table.withheld_rows or table.withheld_values]

    @property
    def row_count(self) -> int:
        """Number of rows in the answer."""
        return sum(len(table.rows) for table in self.tables)

    @property
    def purposes(self) -> tuple[str, ...]:
        """The purposes that any field serves, in alphabetical order."""
        return tuple(sorted({purpose for table in self.tables for f in table.fields for purpose in f.purposes}))

    @property
    def recipients(self) -> tuple[str, ...]:
        """The roles that may read any table."""
        return tuple(sorted({role for table in self.tables for role in table.recipients}))

    @property
    def kind(self) -> str:
        """Start of the names of the texts that differ by the right that is answered."""
        return "portable_" if self.is_portable else "explanation_" if self.is_explanation else ""

    def explanation(self, decisions: tuple[ExplainedDecision, ...]) -> Answer:
        """Return the answer to a request for an explanation of these decisions."""
        return replace(self, tables=(), notes=(), permissions={}, outside=(), decisions=decisions, is_explanation=True)

    def portable(self) -> Answer:
        """Return the answer to a portability request: the fields that the person provided or caused by use."""
        tables = []
        for table in self.tables:
            fields = tuple(field for field in table.fields if field.is_provided)
            if table.is_provided and fields and table.rows:
                names = {field.name for field in fields}
                rows = tuple({name: value for name, value in row.items() if name in names} for row in table.rows)
                tables.append(replace(table, fields=fields, rows=rows))
        return replace(self, tables=tuple(tables), decisions=(), notes=(), is_portable=True)


def group_of(table: ExportedTable) -> Group:
    """Return the part in which a table stands."""
    return _GROUP_OF_LAYER.get(table.name.partition("/")[0], Group.OTHER)


def filled_fields(table: ExportedTable) -> Iterator[str]:
    """Yield the names of the fields that have a value in any row."""
    for column in table.fields:
        if any(row.get(column.name) is not None for row in table.rows):
            yield column.name
