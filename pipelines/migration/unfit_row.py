"""Makes quarantine entries of stored rows that do not fit a changed contract.

The record of an entry has the values under the headers of the contract, so that a replay reads it like a landed row.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from installation.contract.document import Column, Contract, arrow_type
from pipelines.errors import MigrationError
from pipelines.ingest.bronze import LINE_COLUMN
from pipelines.ingest.quarantine import Origin, QuarantineEntry, in_json
from pipelines.migration.rewrite import batches
from pipelines.migration.row_change import RowChange


def require_writable(contract: Contract) -> None:
    """Check that the values of every column can be written as a load reads them.

    Raises:
        MigrationError: a column is read by a format of its own, is nested, or the table is no source.
    """
    file = contract.file
    has_zones = file is not None and bool(file.time_zone or file.shop_time_zone)
    special = [column.name for column in contract.columns if _is_special(column, has_zones=has_zones)]
    if contract.layer != "source":
        raise MigrationError((f"{contract.table} has no quarantine. Correct the contract",), contract.table)
    if special:
        reason = (
            f"{contract.table}: rows cannot be moved to quarantine, because {', '.join(special)} is read by a format "
            "of its own. Correct the contract, or remove the files and load the corrected ones"
        )
        raise MigrationError((reason,), contract.table)


def _is_special(column: Column, *, has_zones: bool) -> bool:
    """Return whether a value of the column, written in plain form, may be read as another value."""
    kind = arrow_type(column.spark_type)
    is_converted = pa.types.is_timestamp(kind) and (has_zones or column.has_zone or column.time_zone is not None)
    has_form = column.date_format or column.number_format or column.time_unit
    return bool(has_form or is_converted or pa.types.is_nested(kind))


def quarantine_entries(delta: DeltaTable, change: RowChange) -> list[QuarantineEntry]:
    """Return an entry for each row that does not fit; the entries hold personal data, to be encrypted at once."""
    entries = []
    for batch in batches(delta):
        changed = change(batch)
        rows = np.flatnonzero(~changed.faults.is_sound)
        if not len(rows):
            continue
        values, persons = change.opened_rows(batch, rows)
        for place, row in enumerate(rows.tolist()):
            fault = changed.faults.fault(row)
            file, line = batch.column("_source_file")[row].as_py(), batch.column(LINE_COLUMN)[row].as_py()
            record = {header: texts[place] for header, texts in values.items() if texts[place] is not None}
            origin = Origin(file, f"migration:{change.contract.sha256[:12]}:{file}")
            entries.append(
                QuarantineEntry(
                    origin, line, fault.column, fault.rule, fault.reason, in_json(record), persons[place].as_py()
                )
            )
    return entries
