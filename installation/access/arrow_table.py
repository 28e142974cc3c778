"""The Arrow backend of `privacy.access.reader.TableReader`: for small reads, HTTP and the agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from installation.lakehouse.lakehouse import Lakehouse
from privacy.access.coarse_value import coarse_numbers
from privacy.access.errors import AccessRefused
from privacy.access.reader import CUSTOMER, IDENTIFIER, NO_IDENTIFIER
from privacy.consent.policy import Policy

if TYPE_CHECKING:
    from privacy.access.condition import RowCondition
    from privacy.access.table_part import TablePart

_PLACE = "_place"


class Decisions(Protocol):
    """Decides consent for one customer, purpose and moment. `LiveDecisions` and `DecisionIndex` fit this protocol."""

    def is_permitted(self, customer_id: str, purpose: str, at: datetime) -> bool:
        """Return whether the customer permits the purpose at the moment `at`."""
        ...


@dataclass(frozen=True)
class ArrowTables:
    """Reads tables as Arrow, and takes each customer's consent decision from the consent record."""

    lakehouse: Lakehouse
    policy: Policy
    decisions: Callable[[], Decisions]

    def rows(self, table: str, columns: Sequence[str], part: TablePart | None = None) -> pa.Table:
        """Return these columns of all rows of a table, or of a part of them."""
        return self.lakehouse.rows(table, columns, None if part is None else part.sql)

    def with_customer(self, frame: pa.Table, key: str | None, token_kind: str | None) -> pa.Table:
        """Return the rows with the column `CUSTOMER`; null where no customer has the row's matching key."""
        if key is None:
            return frame.append_column(CUSTOMER, pa.nulls(frame.num_rows, pa.string()))
        if token_kind is None:
            return frame.append_column(CUSTOMER, frame[key])
        if not self.lakehouse.exists(IDENTIFIER):
            raise AccessRefused(NO_IDENTIFIER)
        # The kind is a word of the contract's vocabulary.
        known = self.lakehouse.select(IDENTIFIER, '"token", "customer_id"', f"\"token_kind\" = '{token_kind}'")
        owners = known.group_by("token").aggregate([("customer_id", "min"), ("customer_id", "max")]).combine_chunks()
        first, last = owners["customer_id_min"], owners["customer_id_max"]
        customers = pc.if_else(pc.equal(first, last), first, pa.scalar(None, pa.string()))
        places = pc.index_in(frame[f"{key}_token"], value_set=owners["token"].combine_chunks(), skip_nulls=True)
        return frame.append_column(CUSTOMER, customers.take(places))

    def permitted(self, frame: pa.Table, purpose: str, at: datetime) -> pa.Table:
        """Return the rows whose customer permits the purpose at that moment."""
        decisions, by_default = self.decisions(), self.policy.permits_by_default(purpose)
        customers = frame[CUSTOMER].unique()
        may = pa.array(
            [by_default if one is None else decisions.is_permitted(one, purpose, at) for one in customers.to_pylist()],
            pa.bool_(),
        )
        return frame.filter(may.take(pc.index_in(frame[CUSTOMER], value_set=customers)))

    def meeting(self, frame: pa.Table, condition: RowCondition) -> pa.Table:
        """Return the rows that meet the condition, in their order. DuckDB evaluates it, without access to files."""
        import duckdb

        places = pa.array(range(frame.num_rows), pa.int64())
        rows = frame.select(list(condition.columns)).append_column(_PLACE, places)
        with duckdb.connect(config={"enable_external_access": "false"}) as engine:
            engine.register("rows", rows)
            query = f"SELECT {_PLACE} FROM rows WHERE {condition.sql('duckdb')} ORDER BY 1"
            found = engine.execute(query).fetchnumpy()[_PLACE]
        return frame.take(pa.array(found))

    def count_customers(self, frame: pa.Table) -> int:
        """Return how many different customers the rows have."""
        return int(pc.count_distinct(frame[CUSTOMER]).as_py())

    def first(self, frame: pa.Table, count: int) -> pa.Table:
        """Return the first rows."""
        return frame.slice(0, count)

    def texts(self, frame: pa.Table, column: str) -> list[str]:
        """Return the distinct values of a column as text, without null."""
        found: list[str] = frame[column].drop_null().unique().cast(pa.string()).to_pylist()
        return found

    def renamed(self, frame: pa.Table, column: str, names: Mapping[str, str], by: str) -> pa.Table:
        """Return the rows with `column` replaced by the entry in `names` for the text of column `by`."""
        known = pa.array(list(names), pa.string())
        places = pc.index_in(frame[by].cast(pa.string()), value_set=known)
        made = pa.array(list(names.values()), pa.string()).take(places)
        return frame.set_column(frame.column_names.index(column), column, made)

    def coarsened(self, frame: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Return the rows with these columns coarsened by their type."""
        for name in columns:
            kind = frame.schema.field(name).type
            if pa.types.is_temporal(kind):
                made = pc.floor_temporal(frame[name], unit="month").cast(kind)
            elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
                made = coarse_numbers(frame[name])
            else:
                continue
            frame = frame.set_column(frame.column_names.index(name), name, made)
        return frame

    def selected(self, frame: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Return only these columns."""
        return frame.select(list(columns))
