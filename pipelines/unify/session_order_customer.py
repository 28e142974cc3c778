"""Builds silver/session_order_customer: the customer of each web session and order.

Some events name only a session or an order. This table finds their customer through the source that knows it.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract, Contracts
from pipelines.derived_table.table import BuildContext, Tables
from pipelines.unify.customer_of import with_customer
from pipelines.unify.token_column import key_kinds, token_columns

TABLE = "silver/session_order_customer"


def reference_columns(contracts: Contracts) -> dict[str, tuple[tuple[Contract, str], ...]]:
    """Return, for session_id and order_id, the contracts that know the customer, each with the column of the number.

    - session_id: the table to which the relationship of a column with touchpointRole session_id refers, such as
      web_event.session_id → web_session.session_id.
    - order_id: a table with a matching key whose primary key includes a column with touchpointRole order_id, such as
      the lines of a basket.
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
    """Return the bronze tables that know the customer of a session or an order."""
    return tuple(contract.table for known in reference_columns(contracts).values() for contract, _ in known)


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per session or order with a known customer: reference_kind, reference, customer_id.

    When the rows of a session or order belong to several customers, the smallest customer_id is taken.
    """
    parts = [
        _known_customers(tables, contract, name, role)
        for role, known in reference_columns(context.contracts).items()
        for contract, name in known
    ]
    if not parts:
        return context.spark.createDataFrame([], "reference_kind string, reference string, customer_id string")
    every = reduce(DataFrame.unionByName, parts)
    return every.groupBy("reference_kind", "reference").agg(F.min("customer_id").alias("customer_id"))


def _known_customers(tables: Tables, contract: Contract, name: str, role: str) -> DataFrame:
    tokens = token_columns(contract)
    keyed = tables[contract.table].groupBy(F.col(name).cast("string").alias("reference")).agg(
        *(F.min(token).alias(f"_key_{kind}") for kind, token in tokens.items())
    )  # fmt: skip
    resolved = with_customer(keyed, tuple(tokens), tables["silver/identifier"])
    known = resolved.where("customer_id is not null")
    return known.select(F.lit(role).alias("reference_kind"), "reference", "customer_id")


def _targets(contract: Contract, name: str, contracts: Contracts) -> dict[tuple[str, str], Contract]:
    """Return the contracts with a matching key to which the column refers, by contract id and referenced column."""
    found = {}
    for relationship in contract.relationships:
        target_id = relationship.target_id(contract.layer)
        if relationship.columns == (name,) and target_id in contracts and key_kinds(contracts[target_id]):
            found[target_id, relationship.target_columns[0]] = contracts[target_id]
    return found
