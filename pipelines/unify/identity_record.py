"""Reads the distinct combinations of matching keys of all sources, for the identity matching."""

from __future__ import annotations

from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from installation.contract.document import Contract, Contracts
from pipelines.derived_table.table import Tables
from pipelines.register.record import KINDS, Records
from pipelines.unify.token_column import PRINCIPAL, token_columns, tokenised_tables


def read_records(tables: Tables, contracts: Contracts) -> tuple[Records, datetime | None]:
    """Return the key combinations of all sources with a matching key, and the load time of their newest row.

    The time is None if there are no rows.
    """
    parts = [_combinations(tables[name], contracts.table(name)) for name in tokenised_tables(contracts)]
    if not parts:
        raise ValueError(
            "no contract of a source declares a matching key; add the property `token` to a column of a contract"
        )
    frame = reduce(DataFrame.unionByName, parts).toPandas()
    newest = frame["loaded_at"].dropna().max() if len(frame) else None
    return Records.of(frame), newest.to_pydatetime() if newest is not None else None


def _combinations(frame: DataFrame, contract: Contract) -> DataFrame:
    tokens = token_columns(contract)
    keyed = frame.select(
        *(token.alias(kind) for kind, token in tokens.items()),
        _is_principal(contract).alias("is_principal"),
        "_loaded_at",
    )
    counted = keyed.groupBy(*tokens, "is_principal").agg(
        F.count(F.lit(1)).alias("record_count"), F.max("_loaded_at").alias("loaded_at")
    )
    absent = {kind: F.lit(None).cast("string") for kind in KINDS if kind not in tokens}
    return counted.withColumns({**absent, "source": F.lit(contract.name)})


def _is_principal(contract: Contract) -> Column:
    for column in contract.columns:
        if column.name == PRINCIPAL:
            return F.col(PRINCIPAL) if column.spark_type == "boolean" else F.upper(F.trim(PRINCIPAL)) == "Y"
    return F.lit(False)
