"""Selects the members of many audiences, by queries that are small enough for the database to plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from features.insight.audience.difference import Mask
from features.insight.audience.rule import Audience, tests_of
from features.insight.audience.sql import compile_audiences
from features.repo.view_rows import query

MOST_TESTS = 500
"""Tests of one query. DuckDB takes 0.3 s for 500 tests of 100 rules, and a minute and a half for 5,000 of 1,000."""


def select_members(audiences: Sequence[Audience], tables: Mapping[str, pa.Table], today: date) -> Iterator[Mask]:
    """Yield the members of each bound audience: an entry for each customer of `population`, in its order.

    Args:
        audiences: bound audiences.
        tables: the tables of `FactReader.tables` for them.
        today: the day on which windows end.
    """
    customers = tables["population"]["customer_id"].combine_chunks()
    for batch in _batches(audiences):
        sql = compile_audiences(batch, today)
        rows = query(sql.sql, tables, sql.values)
        places = pc.index_in(customers, value_set=rows["customer_id"].combine_chunks())
        for number in range(len(batch)):
            yield rows[f"member_{number}"].combine_chunks().take(places).to_numpy(zero_copy_only=False)


def _batches(audiences: Sequence[Audience]) -> Iterator[list[Audience]]:
    """Yield the audiences in groups of at most MOST_TESTS tests, each of at least one audience."""
    batch: list[Audience] = []
    size = 0
    for one in audiences:
        count = 1 + sum(1 for _ in tests_of(one.rule))
        if batch and size + count > MOST_TESTS:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += count
    if batch:
        yield batch
