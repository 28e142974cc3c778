"""What a data folder holds: its tables, what was found of them, what lies in quarantine. Needs no engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
from deltalake import DeltaTable

from pipelines.config import Settings
from pipelines.contracts.document import Contracts
from pipelines.gate import Outcome, outcome_folder, read_outcomes
from pipelines.rows import rows_of
from pipelines.table_profile import read_profile

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


def survey_tables(settings: Settings, contracts: Contracts) -> Iterator[TableState]:
    """Yield the state of every table that a contract declares, layer by layer."""
    outcomes = {found.quality.table: found for found in read_outcomes(outcome_folder(settings))}
    for layer in ("source", "silver", "gold"):
        for contract in contracts.layer(layer):
            delta = open_table(settings, contract.table)
            profile = read_profile(delta) if delta else None
            yield TableState(
                table=contract.table,
                version=profile.version if profile else None,
                rows=profile.rows if profile else None,
                size_bytes=profile.size_bytes if profile else None,
                outcome=outcomes.get(contract.table),
            )


def count_quarantine(settings: Settings, source: str | None = None) -> list[dict[str, Any]]:
    """Return the waiting rows in quarantine, counted by source, column, rule and reason; most first.

    The rows themselves may hold personal data and stay where they are.
    """
    delta = open_table(settings, QUARANTINE)
    if delta is None:
        return []
    rows = rows_of(delta, [*QUARANTINE_KEY, "file", "replayed_load_id"])
    rows = rows.filter(pc.is_null(rows["replayed_load_id"]))
    if source is not None:
        rows = rows.filter(pc.equal(rows["source"], source))
    counts = rows.group_by(QUARANTINE_KEY).aggregate([("file", "count"), ("file", "count_distinct")])
    named = counts.rename_columns([*QUARANTINE_KEY, "rows", "files"])
    found: list[dict[str, Any]] = named.sort_by([("rows", "descending"), ("source", "ascending")]).to_pylist()
    return found


def open_table(settings: Settings, table: str) -> DeltaTable | None:
    """Open a table as `deltalake` sees it; None when there is none."""
    path = f"{settings.lakehouse_root}/{table}"
    options: Mapping[str, str] = settings.storage_options
    if not DeltaTable.is_deltatable(path, storage_options=dict(options)):
        return None
    return DeltaTable(path, storage_options=dict(options))
