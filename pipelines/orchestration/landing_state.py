"""The state of the landing folder, from the names, sizes and times of its files. No file is opened."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from installation.contract.document import Contract, Contracts
from installation.settings import Settings
from pipelines.ingest.landing import candidate_paths

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


def landing_tags(settings: Settings, contracts: Contracts) -> dict[str, str]:
    """Return the tag by which the landing sensor sees that a run has loaded this state of the folder."""
    files = landed_files(settings.landing_dir, contracts.sources)
    return {LANDING_TAG: signature(files, settings.landing_dir)}
