"""Says where the segments of a collected source are: in the folder of its landed files."""

from __future__ import annotations

from pathlib import Path

from installation.collector.errors import LogError
from installation.contract.document import Contract, Contracts
from installation.settings import Settings

PROTOCOL = "segment"


def is_collected(contract: Contract) -> bool:
    """Return whether the events of a source arrive at the HTTP collector."""
    return contract.collection.get("protocol") == PROTOCOL


def collected_sources(contracts: Contracts) -> tuple[Contract, ...]:
    """Return the sources whose events arrive at the HTTP collector."""
    return tuple(contract for contract in contracts.sources if is_collected(contract))


def segment_folder(contract: Contract, settings: Settings) -> Path:
    """Return the folder of a source's segments.

    Raises:
        LogError: the contract does not name a folder of JSON lines in the landing folder, or files arrive in an object
            store, to which nothing can be appended.
    """
    form = contract.file
    folder, _, name = form.path.rpartition("/") if form is not None and form.is_landed else ("", "", "")
    if (
        form is None
        or form.format != "jsonl"
        or name != "*.jsonl"
        or not folder
        or any(mark in folder for mark in "*?[")
    ):
        raise LogError(
            f"{contract.id} is collected, so it needs a server of type local with format jsonl and a path such as "
            "tracked_event/*.jsonl."
        )
    if settings.landing_root is not None:
        raise LogError("landing_root is an object store. The collector appends to files, so it needs landing_dir.")
    return settings.landing_dir / folder
