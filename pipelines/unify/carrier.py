"""Whose a session or an order is: customers carried from the source that knows them to events that do not."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.contracts.document import Contract, Contracts
from pipelines.unify.customer_of import with_customer
from pipelines.unify.table import Tables
from pipelines.unify.token_column import key_kinds, token_columns


def carrier_columns(contracts: Contracts) -> dict[str, tuple[tuple[Contract, str], ...]]:
    """Return per role session_id and order_id the contracts that know a person for it, with the column that names it.

    A session's person is known where the relationship of a column with the role points (web_event.session_id →
    web_session.session_id). An order's person is known where the order is part of the primary key of rows with a
    matching key (the lines of baskets).
    """
    sessions: dict[tuple[str, str], Contract] = {}
    orders: dict[tuple[str, str], Contract] = {}
    for contract in contracts.sources:
        for column in contract.columns:
            if column.touchpoint_role == "session_id":
                sessions.update(_targets(contract, column.name, contracts))
            is_order = column.touchpoint_role == "order_id" and column.primary_key
            if is_order and key_kinds(contract):
                orders[contract.id, column.name] = contract
    return {
        "session_id": tuple((contract, name) for (_, name), contract in sessions.items()),
        "order_id": tuple((contract, name) for (_, name), contract in orders.items()),
    }


def carried_tables(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables that know the person of a session or an order."""
    return tuple(contract.table for known in carrier_columns(contracts).values() for contract, _ in known)


def carriers(tables: Tables, contracts: Contracts) -> dict[str, DataFrame]:
    """Return for each role the customer of each session and order: `_key_<role>` (text), `customer_id`."""
    found = {}
    for role, known in carrier_columns(contracts).items():
        parts = [_known_customers(tables[contract.table], contract, name, role, tables) for contract, name in known]
        if parts:
            every = reduce(DataFrame.unionByName, parts)
            found[role] = every.groupBy(f"_key_{role}").agg(F.min("customer_id").alias("customer_id"))
    return found


def _known_customers(frame: DataFrame, contract: Contract, name: str, role: str, tables: Tables) -> DataFrame:
    tokens = token_columns(contract)
    keyed = frame.select(
        F.col(name).cast("string").alias(f"_key_{role}"), *(t.alias(f"_key_{kind}") for kind, t in tokens.items())
    ).distinct()
    key = F.col(f"_key_{role}").alias("_carrier")
    keyed = keyed.withColumn("_carrier", key).drop(f"_key_{role}")
    resolved = with_customer(keyed, tuple(tokens), tables["silver/identifier"], {})
    return resolved.select(F.col("_carrier").alias(f"_key_{role}"), "customer_id").where("customer_id is not null")


def _targets(contract: Contract, name: str, contracts: Contracts) -> dict[tuple[str, str], Contract]:
    found = {}
    for relationship in contract.relationships:
        target_id = relationship.target_id(contract.layer)
        if relationship.columns == (name,) and target_id in contracts and key_kinds(contracts[target_id]):
            found[target_id, relationship.target_columns[0]] = contracts[target_id]
    return found
