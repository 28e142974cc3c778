"""Which matching keys a bronze table carries, read from its contract."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.contracts.document import Contract, Contracts
from pipelines.identity.record import KINDS

NAME_PHONE = "name_phone"
PRINCIPAL = "is_principal"
"""Column of a register that says whose an account's baskets are (Y or true)."""


def tokenised_tables(contracts: Contracts) -> tuple[str, ...]:
    """Return the bronze tables of all sources with a matching key."""
    return tuple(contract.table for contract in contracts.sources if carries_token(contract))


def carries_token(contract: Contract) -> bool:
    """Say whether the rows carry a matching key. Needs no session: definitions are read without one."""
    return bool(_kinds(_first_columns(contract)))


def token_columns(contract: Contract) -> dict[str, Column]:
    """Return the expression of each kind of matching key that the contract's rows carry, the strongest first.

    The first column of a kind counts. Name and phone together make the key name_phone; a name alone makes none.
    """
    first = _first_columns(contract)
    found = {kind: F.col(first[kind]) for kind in _kinds(first) if kind != NAME_PHONE}
    if NAME_PHONE in _kinds(first):
        pair = F.concat(F.col(first["name"]), F.lit(":"), F.col(first["phone"]))
        found[NAME_PHONE] = F.sha2(pair, 256)
    return {kind: found[kind] for kind in KINDS if kind in found}


def _first_columns(contract: Contract) -> dict[str, str]:
    first: dict[str, str] = {}
    for column in contract.columns:
        if column.token is not None and column.token_name is not None:
            first.setdefault(column.token, column.token_name)
    return first


def _kinds(first: dict[str, str]) -> set[str]:
    """Return the kinds of key that the columns make."""
    pair = {NAME_PHONE} if {"name", "phone"} <= first.keys() else set()
    return {kind for kind in KINDS if kind in first} | pair
