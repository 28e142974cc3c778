"""Decides whether a table may be built upon: checks it once for each state it takes and remembers what was found.

A table that has not changed is not checked again, yet its outcome still counts: a broken table blocks every run until
it is repaired, not only the run that loaded it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipelines.contracts.document import Contract, Contracts
from pipelines.lakehouse import Lakehouse
from pipelines.quality.result import TableQuality
from pipelines.quality.suite import Circumstance, derive_checks, parents_of
from pipelines.quality.validate import validate_table

REMEMBERED_ROW_COUNTS = 30
"""Row counts of former states that the expectation of volume looks back on."""
_OUTCOME = TypeAdapter(TableQuality)


@dataclass(frozen=True)
class Inspection:
    """The outcome of a table's checks, and whether they ran now or for this same state before."""

    quality: TableQuality
    is_new: bool


@dataclass(frozen=True)
class Gate:
    """Checks tables of a lakehouse. `folder` keeps one JSON file a table, without personal data."""

    lakehouse: Lakehouse
    contracts: Contracts
    folder: Path

    def inspect(self, contract: Contract, as_of: date) -> Inspection:
        """Check the table against its contract, unless this state of it and its parents was checked before.

        Raises:
            QualityRuleError: a rule of the contract cannot be run at all.

        """
        record = self._read(contract)
        rows_before = tuple(record.get("rows_before", ()))
        circumstance = Circumstance(datetime.combine(as_of, time.max), rows_before)
        parents = parents_of(derive_checks(contract, circumstance))
        state = self._state(contract, parents, as_of)
        if record.get("state") == state:
            return Inspection(_OUTCOME.validate_python(record["outcome"]), is_new=False)
        frames = {name: self.lakehouse.read(name) for name in sorted(parents) if self.lakehouse.exists(name)}
        quality = validate_table(self.lakehouse.read(contract.table), contract, circumstance, frames)
        seen = [*rows_before, *([quality.rows] if quality.rows is not None else [])]
        self._write(
            contract,
            {
                "state": state,
                "rows_before": seen[-REMEMBERED_ROW_COUNTS:],
                "outcome": _OUTCOME.dump_python(quality, mode="json"),
            },
        )
        return Inspection(quality, is_new=True)

    def _state(self, contract: Contract, parents: frozenset[str], as_of: date) -> str:
        tables = sorted({contract.table, *parents})
        versions = {name: self.lakehouse.version(name) for name in tables if self.lakehouse.exists(name)}
        told = json.dumps([contract.sha256, versions, as_of.isoformat()], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def _path(self, contract: Contract) -> Path:
        return self.folder / f"{contract.table.replace('/', '.')}.json"

    def _read(self, contract: Contract) -> Mapping[str, Any]:
        """Return what is remembered; nothing when the file is missing or was cut off, so that the table is checked."""
        try:
            content = json.loads(self._path(contract).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, contract: Contract, record: Mapping[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._path(contract).with_suffix(".new")
        draft.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        draft.replace(self._path(contract))
