"""What a data folder holds: its tables, what was found of them, what lies in quarantine. Needs no engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import read_profile
from pipelines.quality.inspection import Outcome, read_outcomes

QUARANTINE = "bronze/quarantine"
QUARANTINE_KEY = ["source", "column", "rule", "reason"]


@dataclass(frozen=True)
class TableState:
    """One table. Without a version it does not exist yet; without an outcome it was never checked."""

    table: str
    version: int | None
    rows: int | None
    size_bytes: int | None
    outcome: Outcome | None


def survey_tables(lakehouse: Lakehouse, contracts: Contracts, outcome_folder: Path) -> Iterator[TableState]:
    """Yield the state of every table that a contract declares, layer by layer."""
    outcomes = {found.quality.table: found for found in read_outcomes(outcome_folder)}
    for layer in ("source", "silver", "gold"):
        for contract in contracts.layer(layer):
            profile = read_profile(lakehouse.delta(contract.table)) if lakehouse.exists(contract.table) else None
            yield TableState(
                table=contract.table,
                version=profile.version if profile else None,
                rows=profile.rows if profile else None,
                size_bytes=profile.size_bytes if profile else None,
                outcome=outcomes.get(contract.table),
            )


def count_quarantine(lakehouse: Lakehouse, source: str | None = None) -> list[dict[str, Any]]:
    """Return the waiting rows in quarantine, counted by source, column, rule and reason; most first.

    The rows themselves may hold personal data and stay where they are.
    """
    if not lakehouse.exists(QUARANTINE):
        return []
    rows = lakehouse.rows(QUARANTINE, [*QUARANTINE_KEY, "file", "replayed_load_id"])
    rows = rows.filter(pc.is_null(rows["replayed_load_id"]))
    if source is not None:
        rows = rows.filter(pc.equal(rows["source"], source))
    counts = rows.group_by(QUARANTINE_KEY).aggregate([("file", "count"), ("file", "count_distinct")])
    named = counts.rename_columns([*QUARANTINE_KEY, "rows", "files"])
    found: list[dict[str, Any]] = named.sort_by([("rows", "descending"), ("source", "ascending")]).to_pylist()
    return found
