"""Finds the files of a source in the landing folder."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 20
# File name endings that copying tools use until a file is complete.
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", "~")


@dataclass(frozen=True)
class LandedFile:
    """A complete file in the landing folder.

    `file_id` is the SHA-256 of its bytes, so files with equal content are the same file under any name. `size` is in
    bytes, `modified_ns` in nanoseconds since 1970.
    """

    path: Path
    file_id: str
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Base name of the file."""
        return self.path.name


def find_files(landing: Path, pattern: str) -> tuple[LandedFile, ...]:
    """Return the complete files that match a glob pattern in the landing folder, sorted by path.

    Of files with equal content only the first is returned. Hidden files, files in hidden folders, and files whose name
    marks an unfinished copy are left out.
    """
    paths = sorted(path for path in landing.glob(pattern) if path.is_file() and is_finished(path, landing))
    found: dict[str, LandedFile] = {}
    for path in paths:
        modified_ns = path.stat().st_mtime_ns
        file_id, size = digest(path)
        found.setdefault(file_id, LandedFile(path, file_id, size, modified_ns))
    return tuple(found.values())


def is_finished(path: Path, landing: Path) -> bool:
    """Return whether the file's name is that of a complete file: not hidden, no ending of an unfinished copy."""
    parts = path.relative_to(landing).parts
    return not any(part.startswith((".", "_")) for part in parts) and not path.name.endswith(UNFINISHED)


def digest(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size in bytes of a file's content."""
    state = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            state.update(chunk)
            size += len(chunk)
    return state.hexdigest(), size
