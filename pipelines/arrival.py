"""What lies in the landing folder, told by names, sizes and times; no file is opened."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from installation.contract.document import Contract
from pipelines.ingest.landing import is_finished


def landed_files(landing: Path, contracts: Iterable[Contract]) -> tuple[Path, ...]:
    """Return the finished files that the contracts would load, in order."""
    globs = {contract.file.path for contract in contracts if contract.file}
    found = {path for pattern in globs for path in landing.glob(pattern) if path.is_file()}
    return tuple(sorted(path for path in found if is_finished(path, landing)))


def signature(files: Iterable[Path], landing: Path) -> str:
    """Return a digest that changes when a file comes, goes, grows or is written again."""
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{path.relative_to(landing)}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]
