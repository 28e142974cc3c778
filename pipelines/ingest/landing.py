"""Finds the files of a source in the landing folder, and the files that no source loads."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from installation.contract.document import Contract
from pipelines.ingest.archive import is_workbook, is_zip, list_members
from pipelines.ingest.byte_stream import explain_foreign, read_start
from pipelines.ingest.fault import FileFaultError

CHUNK_BYTES = 1 << 20
# File name endings that copying tools use until a file is complete.
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", "~")
# A file may have one of these after the suffix that its contract names.
COMPRESSED = (".gz", ".gzip", ".zip", ".zst", ".zstd", ".bz2")


@dataclass(frozen=True)
class LandedFile:
    """A complete file in the landing folder, or one file of a ZIP archive there.

    `file_id` is the SHA-256 of its bytes, so files with equal content are the same file under any name. For a file of
    an archive it is made from the archive's id and the file's name. `size` (bytes) and `modified_ns` (nanoseconds since
    1970) are those of the landed file. `member` is the path in the archive; None for a file that is no archive.
    """

    path: Path
    file_id: str
    size: int
    modified_ns: int
    member: str | None = None

    @property
    def name(self) -> str:
        """Base name of the file; for a file of an archive, `archive.zip/path`."""
        return self.path.name if self.member is None else f"{self.path.name}/{self.member}"

    def is_unchanged(self) -> bool:
        """Return whether the landed file still has the size and time that it had when it was found."""
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.modified_ns)


@dataclass(frozen=True)
class UnmatchedFile:
    """A landed file that no contract loads. `name` is its path in the landing folder; a folder's name ends in /."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: not loaded; {self.reason}"


def find_files(landing: Path, pattern: str) -> tuple[LandedFile, ...]:
    """Return the complete files that match a contract's `path` in the landing folder, sorted by path.

    The case of suffixes does not matter, and a file may be compressed: `sale/*.csv` also matches `a.CSV`, `a.csv.gz`
    and the files `*.csv` in `a.zip`. Of files with equal content only the first is returned. Hidden files, files in
    hidden folders, and files whose name marks an unfinished copy are left out.
    """
    found: dict[str, LandedFile] = {}
    for path in candidate_paths(landing, pattern):
        members = _members(path, pattern)
        if not members:
            continue
        try:
            modified_ns = path.stat().st_mtime_ns
            file_id, size = digest(path)
        except FileNotFoundError:
            continue
        except OSError:
            # Opening it to load it raises the fault that names the reason.
            file_id, size = hashlib.sha256(f"unreadable {path}".encode()).hexdigest(), path.stat().st_size
        for member in members:
            own_id = file_id if member is None else hashlib.sha256(f"{file_id}\0{member}".encode()).hexdigest()
            found.setdefault(own_id, LandedFile(path, own_id, size, modified_ns, member))
    return tuple(found.values())


def candidate_paths(landing: Path, pattern: str) -> list[Path]:
    """Return the files that may match a contract's `path` by their names, sorted. ZIP archives are not opened."""
    folder, _, name = pattern.rpartition("/")
    paths = landing.glob(f"{folder}/*" if folder else "*")
    return sorted(
        path
        for path in set(paths)
        if path.is_file()
        and is_finished(path, landing)
        and (_matches(path.name, name) or path.suffix.lower() == ".zip")
    )


def is_finished(path: Path, landing: Path) -> bool:
    """Return whether the file's name is that of a complete file: not hidden, no ending of an unfinished copy."""
    return not is_hidden(path, landing) and not path.name.lower().endswith(UNFINISHED)


def is_hidden(path: Path, landing: Path) -> bool:
    """Return whether the file or one of its folders has a name that begins with a dot or an underscore."""
    return any(part.startswith((".", "_")) for part in path.relative_to(landing).parts)


def unmatched_files(landing: Path, contracts: Iterable[Contract]) -> tuple[UnmatchedFile, ...]:
    """Return the landed files that none of the contracts loads, sorted by name, each with the reason.

    A folder that no contract names is returned as one entry. Hidden files are left out.
    """
    patterns = {contract.file.path: contract.id for contract in contracts if contract.file and contract.file.is_landed}
    taken: dict[Path, set[str | None]] = {}
    for pattern in patterns:
        for path in candidate_paths(landing, pattern):
            taken.setdefault(path, set()).update(_members(path, pattern))
    found = []
    folders = {pattern.split("/")[0] for pattern in patterns if "/" in pattern}
    for entry in sorted(landing.iterdir()) if landing.is_dir() else []:
        if is_hidden(entry, landing):
            continue
        if entry.is_dir() and not any(fnmatchcase(entry.name, folder) for folder in folders):
            if any(path.is_file() and not is_hidden(path, landing) for path in entry.rglob("*")):
                reason = "no contract has a path in this folder; draft one with `bojagi contracts init FILE`"
                found.append(UnmatchedFile(f"{entry.name}/", reason))
            continue
        paths = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
        for path in paths:
            if path.is_file() and not is_hidden(path, landing):
                found += _untaken(path, landing, taken.get(path, set()), patterns)
    return tuple(found)


def digest(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size in bytes of a file's content."""
    state = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            state.update(chunk)
            size += len(chunk)
    return state.hexdigest(), size


def _members(path: Path, pattern: str) -> list[str | None]:
    """Return the files of an archive that match the pattern; [None] for another file and for an unreadable archive."""
    expected = pattern.rpartition("/")[2]
    is_named = _matches(path.name, expected)
    try:
        if not is_zip(read_start(path)) or is_workbook(path):
            return [None] if is_named else []
        members = list_members(path)
    except FileFaultError:
        return [None]  # Opening it to load it raises the same fault, which then names the archive.
    if is_named or _plain_name(expected) != _with_lower_suffix(expected):
        return list(members)
    return [member for member in members if _matches(PurePosixPath(member).name, expected)]


def _matches(name: str, pattern: str) -> bool:
    """Return whether a file name matches the last part of a contract's path, as it is or as a compressed file."""
    expected = _with_lower_suffix(pattern)
    return fnmatchcase(_with_lower_suffix(name), expected) or fnmatchcase(_plain_name(name), expected)


def _plain_name(name: str) -> str:
    """Return the file name without the suffix of a compression, and with its other suffix in lower case."""
    lowered = name.lower()
    ending = next((suffix for suffix in COMPRESSED if lowered.endswith(suffix)), "")
    return _with_lower_suffix(name[: len(name) - len(ending)])


def _with_lower_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    if dot and f".{suffix.lower()}" in COMPRESSED and "." in stem:
        inner, _, kind = stem.rpartition(".")
        stem = f"{inner}.{kind.lower()}"
    return f"{stem}{dot}{suffix.lower()}"


def _untaken(path: Path, landing: Path, taken: set[str | None], patterns: dict[str, str]) -> Iterator[UnmatchedFile]:
    name = path.relative_to(landing).as_posix()
    if None in taken:
        return
    if not is_finished(path, landing):
        yield UnmatchedFile(name, "its name marks an unfinished copy; rename it when it is complete")
        return
    near = [f"{contract} loads {pattern}" for pattern, contract in sorted(patterns.items()) if _share(pattern, name)]
    hint = ", ".join(near[:3]) or "no contract has a path here"
    if not taken:
        advice = explain_foreign(path) or f"{hint}: widen `path` in the contract, or rename the file"
        yield UnmatchedFile(name, advice)
        return
    for member in list_members(path):
        if member not in taken:
            yield UnmatchedFile(f"{name}/{member}", f"{hint}: widen `path` in the contract, or leave it out")


def _share(pattern: str, name: str) -> bool:
    """Return whether a contract's path is in the folder of a file."""
    return fnmatchcase(name.rpartition("/")[0], pattern.rpartition("/")[0])
