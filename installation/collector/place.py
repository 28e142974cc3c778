"""Says where the segments of a collected source are: in the folder of its landed files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

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
    pattern = PurePosixPath(form.path) if form is not None and form.is_landed else None
    if pattern is None or form is None or form.format != "jsonl" or pattern.suffix != ".jsonl":
        raise LogError(f"{contract.id} is collected, so its server must be local with a path such as event/*.jsonl.")
    if not pattern.match("segment-0.jsonl") or any(mark in str(pattern.parent) for mark in "*?["):
        raise LogError(f"{contract.id} is collected, so its path must be FOLDER/*.jsonl; it is {form.path}.")
    if settings.landing_root is not None:
        raise LogError("landing_root is an object store. The collector appends to files, so it needs landing_dir.")
    return settings.landing_dir / pattern.parent
