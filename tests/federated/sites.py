"""Sites with made-up rows for the tests: in memory, and as the adapter of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from federated.schema import Column, SiteTable, TableSchema

FEATURES = 4
SCHEMA = TableSchema(
    tuple(Column(f"feature_{number}", "number", -4.0, 4.0) for number in range(FEATURES)),
    Column("churned", "binary", 0.0, 1.0),
    rows_max=10_000,
)
OPEN = {"secure-only": False, "sites-min": 2}
"""A node configuration that allows plain sums."""


@dataclass
class MemorySite:
    """A site whose rows are in memory; it notes the debits."""

    name: str
    table: SiteTable
    debits: list[tuple[str, int, float]] = field(default_factory=list)

    def read(self, schema: TableSchema) -> SiteTable:
        return self.table

    def debit(self, run: str, round_number: int, rho: float) -> None:
        self.debits.append((run, round_number, rho))


def make_site(number: int, rows: int = 300, schema: TableSchema = SCHEMA) -> MemorySite:
    """Returns a site whose customers differ from those of the others in mean and in effect."""
    rng = np.random.default_rng(number)
    features = rng.normal(rng.normal(scale=0.5, size=len(schema.columns)), 1.0, size=(rows, len(schema.columns)))
    effect = rng.normal(size=len(schema.columns)) + 1.0
    chance = 1 / (1 + np.exp(-features @ effect))
    return MemorySite(f"site-{number}", SiteTable.of(schema, features, rng.random(rows) < chance))


def make_sites(count: int, rows: int = 300) -> list[MemorySite]:
    return [make_site(number, rows) for number in range(count)]


def open_site(config: Mapping[str, Any]) -> MemorySite:
    """The adapter of nodes in tests: `number` says which site it is."""
    return make_site(int(config["number"] if "number" in config else config["partition-id"]))
