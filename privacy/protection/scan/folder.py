"""Looks into all files of folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from privacy.protection.scan.content import Look, UndecodedError
from privacy.protection.scan.database import look_into_database
from privacy.protection.scan.matcher import PIECE, Matcher
from privacy.protection.scan.table import look_into_parquet

# Larger files are looked at piece by piece as bytes; only Parquet is decoded at any size.
_MOST_DECODED = 1 << 30


@dataclass(frozen=True)
class Finding:
    """A needle in a file. Says where and how often, never what."""

    path: str
    where: str
    needle: str
    times: int


@dataclass(frozen=True)
class Undecoded:
    """A file that could not be looked into, and why."""

    path: str
    where: str
    reason: str


@dataclass(frozen=True)
class ScanReport:
    """What a scan found. Clean is only what was looked into completely."""

    files: int
    size_bytes: int
    findings: tuple[Finding, ...]
    undecoded: tuple[Undecoded, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every file was decoded and held nothing."""
        return not self.findings and not self.undecoded


def scan_folders(folders: Iterable[Path], matcher: Matcher, leave_out: Iterable[Path] = ()) -> ScanReport:
    """Look into every file below the folders (or single files) but those below `leave_out`.

    Links to folders are not followed. A file that vanishes or cannot be read counts as not decoded.
    """
    findings: list[Finding] = []
    undecoded: list[Undecoded] = []
    files = size = 0
    for path in sorted(set(_files(folders, tuple(leave_out)))):
        look = Look(matcher)
        files += 1
        try:
            size += path.stat().st_size
            _look_into_file(path, look)
        except (OSError, UndecodedError, pa.ArrowException) as error:
            undecoded.append(Undecoded(str(path), "file", f"{type(error).__name__}: {error}"))
        findings += [Finding(str(path), where, name, times) for (where, name), times in sorted(look.found.items())]
        undecoded += [Undecoded(str(path), where, reason) for where, reason in look.undecoded]
    return ScanReport(files, size, tuple(findings), tuple(undecoded))


def _files(folders: Iterable[Path], leave_out: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            if not path.is_dir() and not any(path.is_relative_to(other) for other in leave_out):
                yield path


def _look_into_file(path: Path, look: Look) -> None:
    look.note(look.matcher.in_text(str(path)), "path")
    if not path.is_file():
        raise UndecodedError("neither file nor folder")
    with path.open("rb") as file:
        beginning = file.read(16)
    if beginning.startswith(b"PAR1"):
        look.note(look.matcher.in_bytes(path.read_bytes()), "bytes")
        look_into_parquet(path, look, "parquet", 0)
    elif beginning.startswith(b"SQLite format 3\0"):
        data = path.read_bytes()
        log = path.with_name(f"{path.name}-wal")
        look.note(look.matcher.in_bytes(data), "bytes")
        look_into_database(data, log.read_bytes() if log.exists() else None, look, "sqlite", 0)
    elif path.stat().st_size <= _MOST_DECODED:
        look.into(path.read_bytes(), "file")
    else:
        _look_piecewise(path, look)


def _look_piecewise(path: Path, look: Look) -> None:
    with path.open("rb") as file:
        while piece := file.read(16 * PIECE):
            look.note(look.matcher.in_bytes(piece), "bytes")
    raise UndecodedError(f"larger than {_MOST_DECODED} bytes; looked at as bytes only")
