"""Reads the values of one register entry that a role may see: checked by the contract and by consent, and logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from installation.access.arrow_table import ArrowTables
from installation.contract.document import Column
from installation.installation import Installation
from pipelines.register.register_contract import PURPOSE, key_column, part_columns
from privacy.access.errors import AccessRefused
from privacy.access.plan import plan_read
from privacy.access.table_part import TablePart


@dataclass(frozen=True)
class _OneEntry(ArrowTables):
    """Tables of which only the newest row of one register entry is read."""

    token_column: str
    token: str

    def rows(self, table: str, columns: Sequence[str], part: TablePart | None = None) -> pa.Table:
        """Return these columns of the newest row of the entry."""
        order = ("_loaded_at", "_load_id", "_source_file", "_line")
        wanted = ", ".join(f'"{name}"' for name in dict.fromkeys((*columns, *order)))
        found = self.lakehouse.select(table, wanted, f"\"{self.token_column}\" = '{self.token}'")
        newest = found.sort_by([(name, "descending") for name in order]).slice(0, 1)
        return newest.select(list(columns))


@dataclass(frozen=True)
class ShownValues:
    """Returns what a role may see of register entries.

    Attributes:
        installation: has the tables, the consents and the audit log.
        role: a role of `privacy/access/role.yaml`.
        who: name of the user in the log.
    """

    installation: Installation
    role: str
    who: str

    def __call__(self, source: str, token: str) -> Mapping[str, str | None]:
        """Return the values of an entry by part (see `part_columns`); null for all if the customer objects.

        Parts that the role may not see are left out.

        Raises:
            AccessRefused: the role may not read the register for identity resolution.
        """
        opened = self.installation
        contract = next(c for c in opened.contracts.sources if c.name == source)
        key, tables = key_column(contract), opened.arrow_tables
        assert key is not None
        entry = _OneEntry(tables.lakehouse, tables.policy, tables.decisions, str(key.token_name), token)
        reader = opened.reader_on(entry, self.who)
        try:
            plan = plan_read(contract, self.role, PURPOSE, opened.roles, opened.policy)
        except AccessRefused:
            # Refuses as well, and logs it.
            reader.read(contract.table, self.role, PURPOSE)
            raise
        shown: dict[str, Column] = {part: c for part, c in part_columns(contract).items() if c.name in plan.columns}
        if not shown:
            return {}
        names = [column.name for column in shown.values()]
        rows = reader.read(contract.table, self.role, PURPOSE, names).frame.to_pylist()
        values = rows[0] if rows else dict.fromkeys(names)
        return {part: None if values[c.name] is None else str(values[c.name]) for part, c in shown.items()}
