"""The state of the landing folder, from the names, sizes and times of its files. No file is opened."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from installation.collector.place import is_collected
from installation.contract.document import Contract, Contracts
from installation.object_store.place import list_files
from installation.settings import Settings
from pipelines.ingest.landing import UnmatchedFile, candidate_paths, is_hidden, unmatched_files
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.object_store import ObjectPlace

LANDING_TAG = ".dagster/landing"
"""Tag of a run: the signature of the landing folder when the run started. Dagster's UI hides tags with this prefix."""


def landed_files(landing: Path, contracts: Iterable[Contract]) -> tuple[Path, ...]:
    """Return the finished files that the contracts would load, sorted by path."""
    globs = {contract.file.path for contract in contracts if contract.file and contract.file.is_landed}
    return tuple(sorted({path for pattern in globs for path in candidate_paths(landing, pattern)}))


def signature(files: Iterable[Path], landing: Path) -> str:
    """Return a digest that changes when a file is added, removed, resized or written again."""
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{path.relative_to(landing)}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def landing_state(settings: Settings, contracts: Contracts, *, with_collected: bool = True) -> str | None:
    """Return a digest of the files that the contracts would load, in the folder or object store; None without any.

    Args:
        settings: those of the installation.
        contracts: all contracts.
        with_collected: whether segments of the collector count. They come every second, and are loaded by
            `bojagi collect load`.

    Raises:
        FileFaultError: the object store cannot be listed.
    """
    if settings.landing_root is None:
        sources = (one for one in contracts.sources if with_collected or not is_collected(one))
        files = landed_files(settings.landing_dir, sources)
        return signature(files, settings.landing_dir) if files else None
    objects = _landed_objects(settings, contracts)
    lines = "".join(f"{key}|{info.size}|{info.mtime_ns}\n" for key, info in sorted(objects.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:32] if objects else None


def unmatched_landings(settings: Settings, contracts: Contracts) -> tuple[UnmatchedFile, ...]:
    """Return the files that have arrived and that no contract loads, each with the reason."""
    if settings.landing_root is None:
        return unmatched_files(settings.landing_dir, contracts.sources)
    taken = _landed_objects(settings, contracts)
    reason = "no contract has a path here; draft one with `bojagi contracts init FILE`"
    return tuple(
        UnmatchedFile(key, reason)
        for key in list_files(settings.landing_root, settings.storage_options)
        if key not in taken and not is_hidden(Path(key), Path())
    )


def _landed_objects(settings: Settings, contracts: Contracts) -> dict[str, Any]:
    options = LoadOptions(storage_options=settings.storage_options, landing_root=settings.landing_root)
    place = ObjectPlace.of(None, options)
    globs = {contract.file.path for contract in contracts.sources if contract.file and contract.file.is_landed}
    return {key: info for pattern in globs for key, info in place.listed(pattern)}


def landing_tags(settings: Settings, contracts: Contracts) -> dict[str, str]:
    """Return the tag by which the landing sensor sees that a run has loaded this state of the folder."""
    seen = landing_state(settings, contracts, with_collected=False)
    return {LANDING_TAG: seen or signature((), settings.landing_dir)}
