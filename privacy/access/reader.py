"""Reads a table for a role and a purpose: permitted columns, of customers who permit the purpose, and logged.

The rules are here; the rows are read by a backend, on Arrow (`installation.access.arrow_table`) or on Spark
(`pipelines.access.spark_table`). Both give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from privacy.access.errors import AccessRefused
from privacy.access.plan import ReadPlan, is_personal, plan_read
from privacy.access.pseudonym import pseudonyms, record_pseudonyms
from privacy.access.role import Roles
from privacy.access.table_part import CUSTOMER_KEY, TablePart
from privacy.audit import AuditEntry, AuditLog, loggable
from privacy.consent.policy import Policy
from privacy.contract.collection import Documents
from privacy.contract.document import Document
from privacy.errors import PrivacyError

if TYPE_CHECKING:
    from privacy.access.condition import RowCondition

CUSTOMER = "_customer"
"""Column that a backend adds: the customer of each row; null where none is known."""
IDENTIFIER = "silver/identifier"
"""Table that links matching keys to customers."""
NO_IDENTIFIER = f"There is no table {IDENTIFIER}, which links rows to customers: run `bojagi run`."
"""Why a backend refuses a table whose persons are named by matching keys."""
_REASON_LENGTH = 500
_NAME_LENGTH = 100
"""Most characters of a role, purpose, table or user in a log entry: a refused read may name anything."""

Frame = TypeVar("Frame")


class TableBackend(Protocol[Frame]):
    """Reads and filters tables as frames of one kind, such as Arrow tables. `TableReader` applies the rules."""

    def rows(self, table: str, columns: Sequence[str], part: TablePart | None = None) -> Frame:
        """Return these columns of all rows of a table, or of a part of them; a file without such rows is not read."""
        ...

    def with_customer(self, frame: Frame, key: str | None, token_kind: str | None) -> Frame:
        """Return the same rows with the column `CUSTOMER`; null where the key leads to no customer, or to several.

        Args:
            frame: the rows.
            key: column that names the customer; None where the table holds no persons.
            token_kind: None where `key` holds customer ids; else `<key>_token` holds a matching key of this kind.
        """
        ...

    def permitted(self, frame: Frame, purpose: str, at: datetime) -> Frame:
        """Return the rows whose `CUSTOMER` permits the purpose at that moment.

        Rows without a customer stay only for purposes that do not rest on consent.
        """
        ...

    def meeting(self, frame: Frame, condition: RowCondition) -> Frame:
        """Return the rows that meet the condition."""
        ...

    def count_customers(self, frame: Frame) -> int:
        """Return how many different customers the rows have."""
        ...

    def first(self, frame: Frame, count: int) -> Frame:
        """Return the first `count` rows. They are read once, so every use of the result sees the same rows."""
        ...

    def texts(self, frame: Frame, column: str) -> list[str]:
        """Return the distinct values of a column as text, without null."""
        ...

    def renamed(self, frame: Frame, column: str, names: Mapping[str, str], by: str) -> Frame:
        """Return the rows with `column` replaced by the entry in `names` for the text of column `by`; null without one.

        `names` has an entry for every value of `by`.
        """
        ...

    def coarsened(self, frame: Frame, columns: Sequence[str]) -> Frame:
        """Return the rows with these columns coarsened by their type, see `privacy.access.coarse_value`."""
        ...

    def selected(self, frame: Frame, columns: Sequence[str]) -> Frame:
        """Return only these columns, in this order."""
        ...


@dataclass(frozen=True)
class Read(Generic[Frame]):
    """The result of a read: rows, plan, and the number of customers who permit the purpose and meet the condition.

    `subjects` is None when the table holds no persons, `condition` when all rows were wanted.
    """

    frame: Frame
    plan: ReadPlan
    subjects: int | None
    condition: RowCondition | None = None


@dataclass(frozen=True)
class TableReader(Generic[Frame]):
    """Reads tables for one user or service.

    Attributes:
        backend: reads the rows.
        contracts: of all tables.
        roles: which role may read what.
        policy: purposes and laws.
        moment: returns the moment at which consent is decided, as the shop's local wall time.
        audit: the log.
        secret: makes the pseudonyms.
        who: name of the user or service in the log.
        clock: returns the time of a log entry.
        identity: whether a door has checked who reads, or the reader stated it.
    """

    backend: TableBackend[Frame]
    contracts: Documents[Document]
    roles: Roles
    policy: Policy
    moment: Callable[[], datetime]
    audit: AuditLog
    secret: bytes
    who: str
    clock: Callable[[], datetime]
    identity: Literal["declared", "authenticated"] = "declared"

    def read(
        self, table: str, role: str, purpose: str, columns: Sequence[str] | None = None, limit: int | None = None,
        *, where: str | None = None, customer: str | None = None, with_customer: bool = False,
        part: TablePart | None = None,
    ) -> Read[Frame]:  # fmt: skip
        """Return what the role may read of a table for a purpose, of the customers who permit it now.

        The read is logged before a row is returned; so is a read that was refused. A condition may use only columns
        that the role may read, as the role sees them: where customers are pseudonymised, it selects by pseudonym. The
        log names the columns of a condition, never its values.

        Args:
            table: such as `gold/customer_360`.
            role: a role of `role.yaml`.
            purpose: a purpose of `purpose.yaml`.
            columns: the columns wanted, also as patterns such as `spend_*`; None reads all that the role may read.
            limit: most rows to return; None returns all.
            where: a condition that the rows must meet (`privacy.access.condition`); None returns all.
            customer: value of the table's subject key, as the role sees it; None returns all customers.
            with_customer: keep the column `CUSTOMER`, so that the caller can count people. It must not be shown.
            part: the rows of one customer, which are the only ones that are read from the files; None reads all.

        Raises:
            AccessRefused: the role may not read this, or the condition cannot be read.
            ConsentError: the permissions of the purpose are unknown.
            AuditError: the read could not be logged.
        """
        with self._refusals_logged(table, role, purpose):
            if limit is not None and limit < 0:
                raise AccessRefused(f"Got the limit {limit}; expected 0 or more rows.")
            document = self.contracts.table(table)
            plan = plan_read(document, role, purpose, self.roles, self.policy, columns)
            condition = _condition(_as_seen(document, plan), where, customer)
            if condition is not None:
                # Refuses a column that may not be read: which rows come back would tell its values.
                plan_read(document, role, purpose, self.roles, self.policy, condition.columns)
            if part is not None:
                if plan.subject_key != CUSTOMER_KEY:
                    raise AccessRefused(f"{table} does not name its customers by {CUSTOMER_KEY}; read it whole.")
                plan_read(document, role, purpose, self.roles, self.policy, part.columns)
            frame = self._permitted(document, plan, condition, part)
            frame, is_renamed = self._meeting(frame, plan, condition, role)
            subjects = None if plan.subject_key is None else self.backend.count_customers(frame)
            if limit is not None:
                frame = self.backend.first(frame, limit)
            if not is_renamed:
                frame = self._pseudonymised(frame, plan, role, ())
            if plan.is_coarsened:
                kept = {plan.subject_key, *plan.record_ids}
                frame = self.backend.coarsened(frame, [name for name in plan.columns if name not in kept])
            shown = self.backend.selected(frame, (*plan.columns, CUSTOMER) if with_customer else plan.columns)
        used = (*(condition.columns if condition else ()), *(part.columns if part else ()))
        if plan.is_personal or is_personal(document, used):
            self._log(table, role, purpose, "allowed", plan.columns, subjects, filtered_by=used)
        return Read(shown, plan, subjects, condition)

    def _permitted(
        self, document: Document, plan: ReadPlan, condition: RowCondition | None, part: TablePart | None
    ) -> Frame:  # fmt: skip
        """Return the needed columns of the rows whose customer permits the purpose now."""
        kind = _token_kind(document, plan.subject_key)
        rows = self.backend.rows(plan.table, _needed_columns(plan, kind, condition), part)
        frame = self.backend.with_customer(rows, plan.subject_key, kind)
        if plan.subject_key is not None and self.policy.can_refuse(plan.purpose):
            return self.backend.permitted(frame, plan.purpose, self.moment())
        return frame

    def _meeting(
        self, frame: Frame, plan: ReadPlan, condition: RowCondition | None, role: str
    ) -> tuple[Frame, bool]:  # fmt: skip
        """Return the rows that meet the condition, and whether their subject key holds pseudonyms already."""
        if condition is None:
            return frame, False
        # On stored identifiers, a condition would show which pseudonym belongs to a known customer or order.
        replaced = {plan.subject_key, *plan.record_ids} if plan.is_pseudonymised else set()
        renames = not replaced.isdisjoint(condition.columns)
        if renames:
            frame = self._pseudonymised(frame, plan, role, condition.columns)
        return self.backend.meeting(frame, condition), renames

    def _pseudonymised(self, frame: Frame, plan: ReadPlan, role: str, used: Sequence[str]) -> Frame:
        """Return the rows with pseudonyms in the subject key and the record identifiers that are shown or `used`."""
        if not plan.is_pseudonymised:
            return frame
        needed = {*plan.columns, *used}
        for column in plan.record_ids:
            if column in needed:
                names = record_pseudonyms(self.secret, role, plan.purpose, self.backend.texts(frame, column))
                frame = self.backend.renamed(frame, column, names, column)
        if plan.subject_key not in needed:
            return frame
        customers = pseudonyms(self.secret, role, plan.purpose, self.backend.texts(frame, CUSTOMER))
        return self.backend.renamed(frame, str(plan.subject_key), customers, CUSTOMER)

    @contextmanager
    def _refusals_logged(self, table: str, role: str, purpose: str) -> Iterator[None]:
        try:
            yield
        except PrivacyError as error:
            self._log(table, role, purpose, "refused", (), None, error.message)
            raise

    def _log(
        self, table: str, role: str, purpose: str, outcome: str, columns: Sequence[str], subjects: int | None,
        reason: str | None = None, filtered_by: Sequence[str] = (),
    ) -> None:  # fmt: skip
        cut = None if reason is None else loggable(reason, _REASON_LENGTH)
        who, role, purpose, table = (loggable(name, _NAME_LENGTH) for name in (self.who, role, purpose, table))
        self.audit.append(
            AuditEntry(at=self.clock(), who=who, role=role, purpose=purpose, action="read", table=table,
                   columns=tuple(columns), filtered_by=tuple(filtered_by), subjects=subjects, outcome=outcome,
                       reason=cut, identity=self.identity)
        )  # fmt: skip


def _as_seen(document: Document, plan: ReadPlan) -> Document:
    """Return the contract as the role sees the columns: pseudonyms of records are text."""
    columns = tuple(
        replace(column, spark_type="string", logical_type="string") if column.name in plan.record_ids else column
        for column in document.columns
    )
    return replace(document, columns=columns)


def _condition(document: Document, where: str | None, customer: str | None) -> RowCondition | None:
    if where is None and customer is None:
        return None
    # Imported here, because only a read with a condition needs the parser of SQL.
    from privacy.access.condition import read_condition

    return read_condition(document, where, customer)


def _needed_columns(plan: ReadPlan, token_kind: str | None, condition: RowCondition | None) -> tuple[str, ...]:
    """Return the columns to read: those of the plan and of the condition, and the one that identifies the customer."""
    key = plan.subject_key
    to_customer = () if key is None else (key if token_kind is None else f"{key}_token",)
    used = () if condition is None else condition.columns
    return tuple(dict.fromkeys((*plan.columns, *used, *to_customer)))


def _token_kind(document: Document, key: str | None) -> str | None:
    """Return the kind of matching key that identifies the table's customers; None when no matching key is needed."""
    if key is None or key == CUSTOMER_KEY:
        return None
    kind = document.column(key).token
    if kind is None:
        raise AccessRefused(
            f"{document.table}: its persons cannot be found, because {key} has no matching key; read another table."
        )
    return kind
