"""Builds silver/touchpoint_event: the events of all channels in one schema, as the contracts declare them."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame

from installation.contract.document import Contracts
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify import session_order_customer
from pipelines.unify.customer_of import with_customer
from pipelines.unify.touchpoint_row import event_rows, event_sources

TABLE = "silver/touchpoint_event"


def inputs(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables of all sources that declare a touchpoint."""
    return tuple(source.contract.table for source in event_sources(contracts))


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per event of every source that declares a touchpoint. A new source needs only a contract.

    Raises:
        ValueError: no contract declares a touchpoint.
    """
    parts = []
    for source in event_sources(context.contracts):
        rows = event_rows(source, tables[source.contract.table], context.time_zone)
        references = tables[session_order_customer.TABLE]
        parts.append(with_customer(rows, source.keys, tables["silver/identifier"], references))
    if not parts:
        raise ValueError("No contract declares a touchpoint. Add the property touchpoint to the contract of a source.")
    return reduce(DataFrame.unionByName, parts)
