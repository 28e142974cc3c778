"""Reads from the contracts which kinds of matching keys the rows of each bronze table have."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from installation.contract.document import Contract, Contracts
from pipelines.register.record import KINDS

PRINCIPAL = "is_principal"
"""Column of a register that is Y or true if the person is the principal of the account, to whom its baskets belong."""


def tokenised_tables(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables of all sources with a matching key."""
    return tuple(contract.table for contract in contracts.sources if key_kinds(contract))


def key_kinds(contract: Contract) -> tuple[str, ...]:
    """Return the kinds of matching keys that the contract's rows have, the strongest first.

    A name with a phone makes the key name_phone; a name alone makes no key.
    """
    kinds = {*_token_names(contract)}
    if {"name", "phone"} <= kinds:
        kinds.add("name_phone")
    return tuple(kind for kind in KINDS if kind in kinds)


def token_columns(contract: Contract) -> dict[str, Column]:
    """Return for each kind of matching key (see `key_kinds`) its expression over the contract's bronze rows."""
    names = _token_names(contract)
    return {kind: _pair(names) if kind == "name_phone" else F.col(names[kind]) for kind in key_kinds(contract)}


def _token_names(contract: Contract) -> dict[str, str]:
    """Return the bronze column of each kind of token; of several columns of one kind the first."""
    first: dict[str, str] = {}
    for column in contract.columns:
        if column.token is not None and column.token_name is not None:
            first.setdefault(column.token, column.token_name)
    return first


def _pair(names: dict[str, str]) -> Column:
    return F.sha2(F.concat(F.col(names["name"]), F.lit(":"), F.col(names["phone"])), 256)
