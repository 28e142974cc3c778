"""Reads the status of a data folder without an engine: its tables and their last check results."""

from collections.abc import Iterator
from dataclasses import dataclass

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.table_profile import read_profile
from pipelines.quality.inspection import InspectionRecord, read_records
from privacy.storage.document_store import DocumentStore


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


def read_table_status(lakehouse: Lakehouse, contracts: Contracts, inspections: DocumentStore) -> Iterator[TableStatus]:
    """Yield the status of each source, silver and gold table that has a contract, layer by layer."""
    records = {record.quality.table: record for record in read_records(inspections)}
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
