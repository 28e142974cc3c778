"""Reads the status of a data folder without an engine: its tables, their last check results, its quarantine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import read_profile
from pipelines.quality.inspection import InspectionRecord, read_records

QUARANTINE = "bronze/quarantine"
QUARANTINE_KEY = ["source", "column", "rule", "reason"]


@dataclass(frozen=True)
class TableStatus:
    """The status of one table.

    `version`, `rows` and `size_bytes` are None while the table does not exist; `record` is None before its first check.
    """

    table: str
    version: int | None
    rows: int | None
    size_bytes: int | None
    record: InspectionRecord | None


def read_table_status(lakehouse: Lakehouse, contracts: Contracts, record_folder: Path) -> Iterator[TableStatus]:
    """Yield the status of each source, silver and gold table that has a contract, layer by layer."""
    records = {record.quality.table: record for record in read_records(record_folder)}
    for layer in ("source", "silver", "gold"):
        for contract in contracts.layer(layer):
            profile = read_profile(lakehouse.delta(contract.table)) if lakehouse.exists(contract.table) else None
            yield TableStatus(
                table=contract.table,
                version=profile.version if profile else None,
                rows=profile.rows if profile else None,
                size_bytes=profile.size_bytes if profile else None,
                record=records.get(contract.table),
            )


def count_quarantine(lakehouse: Lakehouse, source: str | None = None) -> list[dict[str, Any]]:
    """Return the number of quarantined rows and files by source, column, rule and reason; largest number first.

    Only entries that no load has replayed yet are counted. Their records are not read: they may hold personal data.
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
