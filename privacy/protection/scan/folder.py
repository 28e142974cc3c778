"""Searches all files of folders for needles, and reports the files that could not be decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from privacy.protection.scan.content import Container, ContentScan, UndecodedError
from privacy.protection.scan.database import scan_database
from privacy.protection.scan.matcher import PIECE, Matcher
from privacy.protection.scan.table import scan_arrow, scan_parquet

# Larger files are searched piece by piece as bytes and reported; Parquet and SQLite are decoded at any size.
_MOST_DECODED = 1 << 30


@dataclass(frozen=True)
class NeedleFinding:
    """A needle that was found in a file: the part of the file, the needle's name, and the number of hits; no value."""

    path: str
    where: str
    needle: str
    times: int


@dataclass(frozen=True)
class Undecoded:
    """A part of a file that could not be decoded, and the reason."""

    path: str
    where: str
    reason: str


@dataclass(frozen=True)
class ScanReport:
    """The result of a scan: number of files and bytes, needles that were found, parts that were not decoded."""

    files: int
    size_bytes: int
    findings: tuple[NeedleFinding, ...]
    undecoded: tuple[Undecoded, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every file was decoded completely and no needle was found."""
        return not self.findings and not self.undecoded


_CONTAINERS: dict[bytes, Container] = {
    b"PAR1": lambda data, scan, where, level: scan_parquet(pa.BufferReader(data), scan, where, level),
    b"ARROW1": lambda data, scan, where, level: scan_arrow(pa.BufferReader(data), scan, where, level),
    b"SQLite format 3\0": lambda data, scan, where, level: scan_database(data, None, scan, where, level),
}


def scan_folders(folders: Iterable[Path], matcher: Matcher, leave_out: Iterable[Path] = ()) -> ScanReport:
    """Search every file in the folders (or single files), except those in `leave_out`.

    Links to folders are not followed. A file that disappears or cannot be read is reported as not decoded.
    """
    findings: list[NeedleFinding] = []
    undecoded: list[Undecoded] = []
    files = size = 0
    for path in sorted(set(_files(folders, tuple(leave_out)))):
        scan = ContentScan(matcher, _CONTAINERS)
        files += 1
        try:
            size += path.stat().st_size
            _scan_file(path, scan)
        except (OSError, UndecodedError, pa.ArrowException) as error:
            undecoded.append(Undecoded(str(path), "file", f"{type(error).__name__}: {error}"))
        findings += [
            NeedleFinding(str(path), where, name, times) for (where, name), times in sorted(scan.found.items())
        ]
        undecoded += [Undecoded(str(path), where, reason) for where, reason in scan.undecoded]
    return ScanReport(files, size, tuple(findings), tuple(undecoded))


def scan_contents(contents: Iterable[tuple[str, bytes]], matcher: Matcher) -> ScanReport:
    """Search the contents of files by their names, as `scan_folders` searches files; nothing is written."""
    findings: list[NeedleFinding] = []
    undecoded: list[Undecoded] = []
    files = size = 0
    for name, data in contents:
        scan = ContentScan(matcher, _CONTAINERS)
        files, size = files + 1, size + len(data)
        scan.add(matcher.in_text(name), "path")
        try:
            scan.scan_bytes(data, "file")
        except (UndecodedError, pa.ArrowException) as error:
            undecoded.append(Undecoded(name, "file", f"{type(error).__name__}: {error}"))
        findings += [NeedleFinding(name, where, needle, times) for (where, needle), times in sorted(scan.found.items())]
        undecoded += [Undecoded(name, where, reason) for where, reason in scan.undecoded]
    return ScanReport(files, size, tuple(findings), tuple(undecoded))


def _files(folders: Iterable[Path], leave_out: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            if not path.is_dir() and not any(path.is_relative_to(other) for other in leave_out):
                yield path


def _scan_file(path: Path, scan: ContentScan) -> None:
    scan.add(scan.matcher.in_text(str(path)), "path")
    if not path.is_file():
        raise UndecodedError("it is neither a file nor a folder; remove it, or leave it out of the scan")
    with path.open("rb") as file:
        beginning = file.read(16)
    if beginning.startswith(b"PAR1"):
        scan.add(scan.matcher.in_bytes(path.read_bytes()), "bytes")
        scan_parquet(path, scan, "parquet", 0)
    elif beginning.startswith(b"SQLite format 3\0"):
        data = path.read_bytes()
        log = path.with_name(f"{path.name}-wal")
        scan.add(scan.matcher.in_bytes(data), "bytes")
        scan_database(data, log.read_bytes() if log.exists() else None, scan, "sqlite", 0)
    elif path.stat().st_size <= _MOST_DECODED:
        scan.scan_bytes(path.read_bytes(), "file")
    else:
        _scan_pieces(path, scan)


def _scan_pieces(path: Path, scan: ContentScan) -> None:
    with path.open("rb") as file:
        while piece := file.read(16 * PIECE):
            scan.add(scan.matcher.in_bytes(piece), "bytes")
    raise UndecodedError(
        f"too large to decode (more than {_MOST_DECODED} bytes), so the folder is not clean; split or remove it"
    )
