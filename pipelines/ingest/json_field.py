"""Matches the fields of JSON records with the columns of the contract. All fields are known after the last record."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from installation.contract.document import Contract
from pipelines.ingest.drift import DriftEvent, Fields, find_drift
from pipelines.ingest.fault import FileFaultError, RowFault, RowFaults
from pipelines.ingest.header import loose_name
from pipelines.ingest.json_document import envelope_fault

NO_FIELD = RowFault(None, "json", "has no field of the contract")


class JsonFields:
    """The fields of the records of one file. `keys` maps each contract column to its names, the first one preferred."""

    def __init__(self, contract: Contract, file: str) -> None:
        self._contract = contract
        self._file = file
        self.keys: dict[str, tuple[str, ...]] = {column.name: column.headers for column in contract.columns}
        self._names = {header: column.name for column in contract.columns for header in column.headers}
        self._seen: set[str] = set()
        self._strange: set[str] = set()
        self._records = 0
        self._notes: list[str] = []

    def add(self, objects: Sequence[dict[str, Any]], faults: RowFaults) -> None:
        """Note the fields of a batch of records; mark records without a known field, or with two for one column.

        Raises:
            FileFaultError: the first record holds the records of the file in one of its fields.

        """
        names = set().union(*objects)
        for name in names - self._seen - self._strange - self._names.keys():
            self._match_loosely(name)
        is_strange = [*map(self._names.keys().isdisjoint, objects)]
        if any(is_strange):
            for position, item in enumerate(objects):
                if is_strange[position]:
                    if item and not self._records and not self._strange:
                        _refuse_envelope(item)
                    self._strange |= item.keys()
                    faults.mark_row(position, NO_FIELD)
            names = set().union(*(item for item, strange in zip(objects, is_strange, strict=True) if not strange))
        self._records += len(objects) - sum(is_strange)
        self._seen |= names
        for name, keys in self.keys.items():
            if len(keys) > 1 and len(self._seen.intersection(keys)) > 1:
                twice = np.array([len(item.keys() & set(keys)) > 1 for item in objects])
                faults.mark(twice, RowFault(name, "json", f"has several fields for the column: {', '.join(keys)}"))

    def find_drift(self) -> tuple[tuple[DriftEvent, ...], tuple[str, ...]]:
        """Return the drift events of the file, and notes for its load.

        Raises:
            FileFaultError: as `pipelines.ingest.drift.find_drift`, or no record has a field of the contract.

        """
        if not self._records:
            if self._strange:
                # Names of fields that are not in the contract may be personal data, as in a list by phone number.
                reason = "none of the file's fields is in the contract: check that this is the right file"
                raise FileFaultError("missing_column", f"{reason}, or correct the names in the contract")
            return (), ()
        missing = [column for column in self._contract.columns if not self._seen.intersection(self.keys[column.name])]
        extra = sorted(self._seen - self._names.keys())
        fields = Fields("field", tuple(sorted(self._seen)), tuple(missing), tuple(extra), records=self._records)
        events, notes = find_drift(fields, self._contract, self._file)
        return events, (*self._notes, *notes)

    def _match_loosely(self, name: str) -> None:
        """Take a name in another case, width or spacing as the column's name if only one column can be meant."""
        loose = loose_name(name)
        found = [
            column for column in self._contract.columns if any(loose_name(header) == loose for header in column.headers)
        ]
        if len(found) == 1:
            self._names[name] = found[0].name
            self.keys[found[0].name] += (name,)
            self._notes.append(f"field {name} was read as {found[0].header}")


def _refuse_envelope(item: dict[str, Any]) -> None:
    for name, value in item.items():
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            raise envelope_fault(name)
