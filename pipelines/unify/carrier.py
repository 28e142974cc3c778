"""silver/carrier: whose a session or an order is, from the source that knows, for events that do not."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract, Contracts
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer
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


def inputs(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables that know the person of a session or an order."""
    return tuple(contract.table for known in carrier_columns(contracts).values() for contract, _ in known)


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row a session and order whose customer is known."""
    parts = [
        _known_customers(tables, contract, name, role)
        for role, known in carrier_columns(context.contracts).items()
        for contract, name in known
    ]
    if not parts:
        return context.spark.createDataFrame([], "carrier_kind string, carrier string, customer_id string")
    every = reduce(DataFrame.unionByName, parts)
    return every.groupBy("carrier_kind", "carrier").agg(F.min("customer_id").alias("customer_id"))


def _known_customers(tables: Tables, contract: Contract, name: str, role: str) -> DataFrame:
    tokens = token_columns(contract)
    keyed = tables[contract.table].groupBy(F.col(name).cast("string").alias("carrier")).agg(
        *(F.min(token).alias(f"_key_{kind}") for kind, token in tokens.items())
    )  # fmt: skip
    resolved = with_customer(keyed, tuple(tokens), tables["silver/identifier"])
    return resolved.where("customer_id is not null").select(F.lit(role).alias("carrier_kind"), "carrier", "customer_id")


def _targets(contract: Contract, name: str, contracts: Contracts) -> dict[tuple[str, str], Contract]:
    found = {}
    for relationship in contract.relationships:
        target_id = relationship.target_id(contract.layer)
        if relationship.columns == (name,) and target_id in contracts and key_kinds(contracts[target_id]):
            found[target_id, relationship.target_columns[0]] = contracts[target_id]
    return found
