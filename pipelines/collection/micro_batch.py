"""Loads into bronze what arrives one by one: sealed segments of the collector, and messages of topics of Kafka.

Segments that are in bronze are deleted. A segment is a landed file, so a load can be killed at any moment: the commit
of its rows records its id, and a segment is deleted only after its id is found there. A refresh of all tables loads
the same segments and messages by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from installation.collector.place import segment_folder
from installation.collector.segment import seal_orphans, sealed_segments
from installation.contract.document import Contract
from installation.installation import Installation
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.landing import digest
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.lock import PATIENCE_SECONDS, load_lock
from pipelines.ingest.source_load import ingest_source

MOST_DATA_FILES = 200
"""Data files of a bronze table from which the small ones are joined: each load adds at least one."""


def load_segments(
    installation: Installation, contract: Contract, may_delete: Callable[[], bool] = lambda: True
) -> LoadResult | None:
    """Load what the log of a source has sealed. Returns None if there is nothing.

    Args:
        installation: an opened installation.
        contract: a collected source.
        may_delete: called when the rows are in bronze; if it returns False, a later load deletes the segments.

    Raises:
        LogError: the segments have no place.
        RunLockError: another process loads, or changes tables; the next call loads the segments.
        IngestError: bronze or quarantine cannot be written. The segments stay.
    """
    settings = installation.settings
    folder = segment_folder(contract, settings)
    seal_orphans(folder)
    if not sealed_segments(folder):
        return None
    with load_lock(settings.data_dir, PATIENCE_SECONDS):
        segments = sealed_segments(folder)
        result = _load(installation, contract)
        table = BronzeTable(contract, installation.lakehouse)
        if may_delete():
            for path in segments:
                _delete_if_loaded(path, table)
        _compact(installation, table)
    return result


def load_messages(installation: Installation, contract: Contract) -> LoadResult | None:
    """Load the new messages of a source that is a topic of Kafka. Returns None if there are none.

    Raises:
        RunLockError: another process loads, or changes tables; the next call loads the messages.
        IngestError: bronze or quarantine cannot be written. The next call loads the same messages.
    """
    with load_lock(installation.settings.data_dir, PATIENCE_SECONDS):
        result = _load(installation, contract)
        _compact(installation, BronzeTable(contract, installation.lakehouse))
    return result if result.files_new or result.refused else None


def _load(installation: Installation, contract: Contract) -> LoadResult:
    settings = installation.settings
    options = LoadOptions.of(settings, installation.reference_date())
    lakehouse, protection, clock = installation.lakehouse, installation.protection, installation.clock
    return ingest_source(contract, lakehouse, settings.landing_dir, protection, clock, options)


def _compact(installation: Installation, table: BronzeTable) -> None:
    if table.delta is not None and len(table.delta.file_uris()) >= MOST_DATA_FILES:
        installation.lakehouse.compact(table.contract.table)


def _delete_if_loaded(path: Path, table: BronzeTable) -> None:
    if path.exists() and table.holds(digest(path)[0]):
        path.unlink()
