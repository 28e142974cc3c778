"""Proves that a finished gold table has only customers who permit its purpose, by code that did not build it.

The build joins with silver/permission on the engine. The proof reads the finished files with `deltalake` and looks up
every customer in the decision index. That index is made from the consent record, with numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.consent.filter import narrower_columns
from privacy.consent.errors import ConsentError
from privacy.consent.view import ConsentView
from privacy.contract.document import Document


@dataclass(frozen=True)
class Proof:
    """Result of a proof. It has numbers and column names, no identifiers.

    Attributes:
        table: the table.
        purpose: the purpose of the table (`builtFor`).
        customers: number of customers in the table; null counts as one.
        unpermitted_customers: number of them who do not permit the purpose.
        columns: each column that has values for customers who permit none of the column's purposes, with the number of
            these customers.
    """

    table: str
    purpose: str
    customers: int
    unpermitted_customers: int
    columns: tuple[tuple[str, int], ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every row and every value is permitted."""
        return self.unpermitted_customers == 0 and not self.columns

    @property
    def message(self) -> str:
        """The result as text, without identifiers."""
        if self.holds:
            return f"All {self.customers} customers permit {self.purpose}"
        faults = [
            f"{name} has values of {count} customer(s) who permit none of its purposes" for name, count in self.columns
        ]
        if self.unpermitted_customers:
            count = f"{self.unpermitted_customers} of {self.customers} customers"
            faults.insert(0, f"{count} do not permit {self.purpose}")
        return "; ".join(faults)


def prove(contract: Document, lakehouse: Lakehouse, view: ConsentView) -> Proof:
    """Check the consent of every customer in a gold table at the view's moment; return the result.

    Raises:
        ConsentError: the contract names no purpose or no subject key, so that nothing can be proven.
        LakehouseError: there is no such table.
    """
    purpose, key = contract.built_for, contract.subject_key
    if purpose is None or key is None:
        raise ConsentError(f"{contract.table}: the contract lacks builtFor or subjectKey; add both.")
    customers = _distinct(lakehouse, contract.table, key)
    unpermitted = sum(not view.is_permitted(customer, purpose) for customer in customers)
    columns = []
    for purposes, names in narrower_columns(contract).items():
        for name in names:
            with_value = _distinct(lakehouse, contract.table, key, f"{name} IS NOT NULL")
            count = sum(not any(view.is_permitted(customer, other) for other in purposes) for customer in with_value)
            columns += [(name, count)] if count else []
    return Proof(contract.table, purpose, len(customers), unpermitted, tuple(columns))


def _distinct(lakehouse: Lakehouse, table: str, key: str, where: str | None = None) -> list[str | None]:
    """Return the distinct values of a column, including null; deleted rows are left out."""
    values: list[str | None] = lakehouse.select(table, f'DISTINCT "{key}" AS customer', where)["customer"].to_pylist()
    return values
