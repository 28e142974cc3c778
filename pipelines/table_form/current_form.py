"""Compares an existing table with its contract, and refuses to write a table that must be migrated first."""

from __future__ import annotations

from installation.contract.document import Contract
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.errors import ContractChangedError
from pipelines.table_form.change import Change, ChangeKind, compare
from pipelines.table_form.form import form_of, stored_form


def changes_of(lakehouse: Lakehouse, contract: Contract) -> tuple[Change, ...]:
    """Return how the contract differs from its table; nothing for a table that does not exist."""
    if not lakehouse.exists(contract.table):
        return ()
    return compare(stored_form(lakehouse.delta(contract.table), contract), form_of(contract)).changes


def require_form(lakehouse: Lakehouse, contract: Contract, *, adds_columns: bool) -> None:
    """Check that a table whose rows cannot be built again has the form of its contract.

    `adds_columns`: whether the next write adds columns that the table lacks.

    Raises:
        ContractChangedError: the table must be migrated first.
    """
    harmless = {ChangeKind.RULES, ChangeKind.KEY} | ({ChangeKind.ADDED} if adds_columns else set())
    changes = changes_of(lakehouse, contract)
    if any(change.kind not in harmless for change in changes):
        raise ContractChangedError(contract.table, tuple(change.message for change in changes))
