"""Which matching keys a bronze table carries, read from its contract."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.contracts.document import Contract, Contracts
from pipelines.identity.record import KINDS

PRINCIPAL = "is_principal"
"""Column of a register that says whose an account's baskets are (Y or true)."""


def tokenised_tables(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables of all sources with a matching key."""
    return tuple(contract.table for contract in contracts.sources if token_columns(contract))


def token_columns(contract: Contract) -> dict[str, Column]:
    """Return the expression of each kind of matching key that the contract's rows carry, the strongest first.

    The first column of a kind counts. Name and phone together make the key name_phone; a name alone makes none.
    """
    first: dict[str, str] = {}
    for column in contract.columns:
        if column.token is not None and column.token_name is not None:
            first.setdefault(column.token, column.token_name)
    found = {kind: F.col(name) for kind, name in first.items() if kind in KINDS}
    if "name" in first and "phone" in first:
        pair = F.concat(F.col(first["name"]), F.lit(":"), F.col(first["phone"]))
        found["name_phone"] = F.sha2(pair, 256)
    return {kind: found[kind] for kind in KINDS if kind in found}
