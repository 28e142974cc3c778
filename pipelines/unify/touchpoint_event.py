"""silver/touchpoint_event: every event of every channel in one schema, from the contracts alone."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame

from installation.contract.document import Contracts
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer
from pipelines.unify.touchpoint_row import event_rows, event_sources

TABLE = "silver/touchpoint_event"


def inputs(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables that events come from."""
    return tuple(source.contract.table for source in event_sources(contracts))


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row an event of every source with a touchpoint; a source of the user's own needs only a contract."""
    parts = []
    for source in event_sources(context.contracts):
        rows = event_rows(source, tables[source.contract.table])
        parts.append(with_customer(rows, source.keys, tables["silver/identifier"], tables["silver/carrier"]))
    if not parts:
        raise ValueError("no contract declares a touchpoint; expected one with the property touchpoint")
    return reduce(DataFrame.unionByName, parts)
