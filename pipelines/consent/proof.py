"""Proves of a finished table that it holds nobody who did not permit its purpose, by another way than it was made.

The table was made by joins with silver/permission on the engine. The proof reads the finished files with
`deltalake`, and asks the decision index, which numpy makes from the consent record itself.
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
    """What was found: customers in the table, those who did not permit, and columns with values of such.

    `columns` names each column that holds values of customers who permit none of its purposes, with their number.
    """

    table: str
    purpose: str
    customers: int
    intruders: int
    columns: tuple[tuple[str, int], ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nobody stands in the table who did not permit it."""
        return self.intruders == 0 and not self.columns

    @property
    def told(self) -> str:
        """What was found, in words; numbers and names of columns, no identifiers."""
        if self.holds:
            return f"All {self.customers} customers permit {self.purpose}"
        faults = [f"{name} has a value for {count} who permit none of its purposes" for name, count in self.columns]
        if self.intruders:
            faults.insert(0, f"{self.intruders} of {self.customers} customers do not permit {self.purpose}")
        return "; ".join(faults)


def prove(contract: Document, lakehouse: Lakehouse, view: ConsentView) -> Proof:
    """Look at everybody in a gold table.

    Raises:
        ConsentError: the table is about persons and says no purpose or no key, so that it cannot be proven.
        LakehouseError: there is no such table.
    """
    purpose, key = contract.built_for, contract.subject_key
    if purpose is None or key is None:
        raise ConsentError(f"{contract.table}: no builtFor or no subjectKey in its contract; expected both.")
    people = _distinct(lakehouse, contract.table, key)
    intruders = sum(not view.is_permitted(customer, purpose) for customer in people)
    columns = []
    for purposes, names in narrower_columns(contract).items():
        for name in names:
            shown = _distinct(lakehouse, contract.table, key, f"{name} IS NOT NULL")
            count = sum(not any(view.is_permitted(who, other) for other in purposes) for who in shown)
            columns += [(name, count)] if count else []
    return Proof(contract.table, purpose, len(people), intruders, tuple(columns))


def _distinct(lakehouse: Lakehouse, table: str, key: str, where: str | None = None) -> list[str | None]:
    """Every value of a column once, null included. (The query builder heeds deletion vectors, unlike the reader.)"""
    values: list[str | None] = lakehouse.select(table, f'DISTINCT "{key}" AS customer', where)["customer"].to_pylist()
    return values
