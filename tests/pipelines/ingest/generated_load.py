"""Loads a generated file: through the readers and checks of ingest only, or through the whole of `ingest_source`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench.generated_file.generate import GeneratedFile
from installation.contract.document import Contract, load_contracts
from installation.lakehouse.lakehouse import Lakehouse
from installation.quality.quarantine_content import QUARANTINE
from pipelines.ingest.batch_preparation import LoadContext, prepare
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.landing import LandedFile, find_files
from pipelines.ingest.landing_look import has_open_end
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.quarantine import Origin, Quarantine
from pipelines.ingest.source_file import open_source, read_safely
from pipelines.ingest.source_load import ingest_source
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE
from privacy.protection.revealer import Revealer
from privacy.protection.source_person import Protection
from tests.pipelines.ingest.judge import Outcome
from tests.pipelines.ingest.shop import NOW


def contract_of(file: GeneratedFile, folder: Path) -> Contract:
    """Write the contract of a file into the folder and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "source_sale.odcs.yaml").write_text(file.contract, "utf-8")
    return load_contracts([folder]).source("sale")


def read_and_check(file: GeneratedFile, folder: Path, protection: Protection) -> Outcome:
    """Read, convert and check the rows of a file, without a table."""
    contract = contract_of(file, folder / "contracts")
    landing = folder / "landing"
    shutil.rmtree(landing, ignore_errors=True)
    path = land(file, landing)
    shared = LoadContext(contract, protection, "load", NOW)
    outcome = Outcome()
    assert contract.file is not None
    if has_open_end(path, contract.file):
        outcome.waiting.append(file.name)
    for landed in () if outcome.waiting else find_files(landing, f"{contract.name}/*"):
        _read_one(landed, contract, shared, outcome)
    return outcome


class Whole:
    """A fresh lakehouse and landing folder, into which one generated file is loaded by `ingest_source`."""

    def __init__(self, file: GeneratedFile, folder: Path, protection: Protection) -> None:
        self.contract = contract_of(file, folder / "contracts")
        self.landing = folder / "landing"
        self.lakehouse = Lakehouse(str(folder / "lakehouse"))
        self.protection = protection
        land(file, self.landing)

    def load(self) -> tuple[LoadResult, Outcome]:
        """Load what is landed; return the result, and what the tables hold afterwards."""
        result = ingest_source(self.contract, self.lakehouse, self.landing, self.protection, lambda: NOW)
        outcome = Outcome(notes=list(result.faults), waiting=list(result.waiting), rows_read=result.rows_read)
        if self.lakehouse.exists(self.contract.table):
            table = self.lakehouse.select(self.contract.table)
            outcome.rows = Revealer(self.protection, "quality_assurance", lambda *_: None)(
                self.contract, table
            ).to_pylist()
        quarantine = Quarantine(self.contract, self.lakehouse, self.protection)
        for entry in quarantine.open_rows():
            outcome.records.append(entry["record"])
            outcome.reasons.append(entry["reason"])
        if self.lakehouse.exists(QUARANTINE):
            refused = self.lakehouse.select(QUARANTINE, where="line IS NULL AND replayed_load_id IS NULL")
            outcome.refusals += refused.column("reason").to_pylist()
        return result, outcome


def land(file: GeneratedFile, landing: Path) -> Path:
    """Write a file into the landing folder and return its path."""
    path = landing / "sale" / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    return path


def _read_one(landed: LandedFile, contract: Contract, shared: LoadContext, outcome: Outcome) -> None:
    found = Outcome()
    reader = open_source(landed, contract, DEFAULT_MAX_LINE)
    try:
        for batch in read_safely(reader):
            prepared = prepare(batch, shared, Origin(landed.name, landed.file_id))
            found.rows_read += prepared.rows
            found.rows += _rows(prepared.passed)
            found.records += [entry.record or "{}" for entry in prepared.broken]
            found.reasons += [entry.reason for entry in prepared.broken]
    except FileFaultError as fault:
        outcome.refusals.append(fault.reason)
        return
    outcome.rows_read += found.rows_read
    outcome.rows += found.rows
    outcome.records += found.records
    outcome.reasons += found.reasons
    outcome.notes += reader.notes


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {name: values.to_pylist() for name, values in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
