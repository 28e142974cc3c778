"""Searches files for persons: every form of their identifiers, tokens and customer ids, in decoded content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from privacy.protection.scan.folder import ScanReport, scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.protection.scan.needle import SHORTEST_FORM, Needle
from privacy.rights.subject import Subject
from privacy.rights.subject_store import CheckedPart, Verification


@dataclass(frozen=True)
class ScannedFiles:
    """The result of a search: the report, and the files in it. Names of needles show the kind, never the value."""

    report: ScanReport
    files: tuple[Path, ...]

    @property
    def with_person(self) -> tuple[Path, ...]:
        """The files in which a person was found."""
        return tuple(dict.fromkeys(Path(finding.path) for finding in self.report.findings))

    def verification(self, folder: Path) -> Verification:
        """Return the result for a certificate, with paths below the folder."""
        return Verification(
            tuple(CheckedPart(_below(path, folder), "", _digest(path)) for path in self.files if path.is_file()),
            tuple(f"{_below(Path(f.path), folder)}, {f.where}: {f.needle}" for f in self.report.findings),
            tuple(f"{_below(Path(u.path), folder)}, {u.where}: {u.reason}" for u in self.report.undecoded),
        )


def needles_of(subjects: Sequence[Subject]) -> list[Needle]:
    """Return everything to search for: identifiers in clear, customer ids and tokens that only these persons have."""
    found = [needle for subject in subjects for needle in subject.needles]
    found += [Needle("customer id", one) for subject in subjects for one in subject.customer_ids]
    found += [Needle(f"{kind} token", token) for subject in subjects for kind, token in subject.tokens]
    return [needle for needle in dict.fromkeys(found) if len(needle.value.encode()) >= SHORTEST_FORM]


def scan_for(subjects: Sequence[Subject], files: Iterable[Path]) -> ScannedFiles | None:
    """Return what a search of the files finds; None if there is nothing to search for."""
    needles, paths = needles_of(subjects), tuple(sorted(files))
    if not needles:
        return None
    return ScannedFiles(scan_folders(paths, Matcher(needles)), paths)


def verify_files(subjects: Sequence[Subject], files: Iterable[Path], folder: Path) -> Verification:
    """Decode the files and look for the persons. Without anything to search for, nothing counts as verified."""
    scanned = scan_for(subjects, files)
    if scanned is None:
        return Verification(unverifiable=("the look-up of the person has no identifier to search for",))
    return scanned.verification(folder)


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
