"""Decides which tables have input: sources that have landed, and derived tables that are made from one of them.

A shop has some of the sources that Bojagi knows. Tables that would be made from the others are not built, and builds
that read them see an empty table.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.derived_table.table import DerivedTable

LOOKUPS = frozenset({"silver/identifier", "silver/identity_decision", "silver/customer", "silver/calendar"})
"""Tables that most builds join to their rows. Rows there alone are no reason to build a table."""


class FedTables(Container[str]):
    """The tables that have input, at the time of each question: `name in fed`.

    A source has input once a file of it was loaded, also if all its rows are in quarantine. A derived table has input
    if one of the tables that feed it has: those of `DerivedTable.fed_by`, else its inputs without `LOOKUPS`. A table
    that exists has input, so that it is kept current.
    """

    def __init__(self, tables: Iterable[DerivedTable], contracts: Contracts, lakehouse: Lakehouse) -> None:
        self._tables = {table.name: table for table in tables}
        self._contracts = contracts
        self._lakehouse = lakehouse
        self._known: set[str] = set()

    def __contains__(self, name: object) -> bool:
        """Return whether the table has input. A table that is neither a source nor derived always has."""
        return self._is_fed(str(name), frozenset())

    def _is_fed(self, name: str, below: frozenset[str]) -> bool:
        if name in self._known:
            return True
        table = self._tables.get(name)
        if name in below or (table is None and not name.startswith("bronze/")):
            return name not in below
        feeding = () if table is None else feeding_tables(table, self._contracts)
        is_fed = self._lakehouse.exists(name) or any(self._is_fed(one, below | {name}) for one in feeding)
        if is_fed:  # A table without input may get some later in the run, but not the other way round.
            self._known.add(name)
        return is_fed


def feeding_tables(table: DerivedTable, contracts: Contracts) -> tuple[str, ...]:
    """Return the tables of which one must have input for this table to be built."""
    if table.fed_by is not None:
        return table.fed_by
    return tuple(name for name in table.all_inputs(contracts) if name not in LOOKUPS)
