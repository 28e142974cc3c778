"""Loads a generated file: through the readers and checks of ingest only, or through the whole of `ingest_source`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.generated_file.generate import GeneratedFile
from installation.contract.document import Contract, load_contracts
from pipelines.ingest.batch_preparation import LoadContext, prepare
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.quarantine import Origin
from pipelines.ingest.source_load import open_source
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE
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
    path = folder / file.name
    path.write_bytes(file.content)
    shared = LoadContext(contract, protection, "load", NOW)
    outcome = Outcome()
    reader = open_source(path, contract, DEFAULT_MAX_LINE)
    try:
        for batch in reader.batches():
            prepared = prepare(batch, shared, Origin(file.name, "0"))
            outcome.rows_read += prepared.rows
            outcome.rows += _rows(prepared.passed)
            outcome.records += [entry.record or "{}" for entry in prepared.broken]
            outcome.reasons += [entry.reason for entry in prepared.broken]
        outcome.notes += reader.notes
    except FileFaultError as fault:
        outcome = Outcome(refusals=[fault.reason])
    return outcome


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {name: values.to_pylist() for name, values in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
