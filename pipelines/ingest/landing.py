"""The files that have landed for a source."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 20
# How copying tools name what they have not finished.
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", "~")


@dataclass(frozen=True)
class LandedFile:
    """A landed file. `file_id` is the SHA-256 of its bytes: equal content is one file under any name."""

    path: Path
    file_id: str
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Base name of the file."""
        return self.path.name


def find_files(landing: Path, pattern: str) -> tuple[LandedFile, ...]:
    """The finished files that match a glob relative to the landing folder, by path; each content once.

    Hidden files, those below hidden folders and those with the name of an unfinished copy are left out.
    """
    paths = sorted(path for path in landing.glob(pattern) if path.is_file() and is_finished(path, landing))
    found: dict[str, LandedFile] = {}
    for path in paths:
        modified_ns = path.stat().st_mtime_ns
        file_id, size = digest(path)
        found.setdefault(file_id, LandedFile(path, file_id, size, modified_ns))
    return tuple(found.values())


def is_finished(path: Path, landing: Path) -> bool:
    """Whether the name is that of a file that its sender has finished."""
    parts = path.relative_to(landing).parts
    return not any(part.startswith((".", "_")) for part in parts) and not path.name.endswith(UNFINISHED)


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file's bytes as they were read."""
    state = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            state.update(chunk)
            size += len(chunk)
    return state.hexdigest(), size
