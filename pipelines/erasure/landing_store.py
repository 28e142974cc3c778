"""The store `landing`: the files that sources delivered, in clear.

The rows of erased persons are taken out of every file that a source can read, whether or not it was loaded. The bronze
table notes the new file as loaded, so no run loads it again. A file that cannot be written so, or that no source reads
and in which a person's identifier stands, keeps the request open.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from installation.contract.document import Contract
from installation.installation import Installation
from installation.object_store.errors import ObjectStoreError
from installation.object_store.former_version import former_versions, remove_former_versions
from installation.object_store.place import list_files, local_copy, store
from pipelines.erasure.landed_file import UnwritableFileError, content_without, packed, replace_file
from pipelines.ingest.batch_preparation import LoadContext, complete, erased_rows
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.byte_stream import open_bytes
from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.landing import LandedFile, digest, find_files
from pipelines.ingest.load_id import in_utc
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.source_file import CONTENT_ERRORS, check_safely, open_source, read_safely
from pipelines.ingest.suppressed_row import entries_of
from privacy.protection.scan.folder import scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.protection.scan.needle import Needle
from privacy.protection.suppression import ListedIdentifiers
from privacy.rights.subject import Subject
from privacy.rights.subject_store import (
    CheckedPart,
    Correction,
    ExportedTable,
    Holding,
    Outcome,
    Verification,
)
from privacy.rights.wording import Wording

_SEARCHED = frozenset({"phone", "card_no", "member_no", "device_id"})
"""Kinds of values that are parts of no other value. Names and e-mail addresses may be; rows and patterns find those."""


@dataclass(frozen=True)
class LandingStore:
    """The landing folder of an installation. Callers of `erase` hold the run lock, and suppress the persons first."""

    installation: Installation
    name: str = "landing"

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything in the landing folder."""
        landing, data = self.installation.settings.landing_dir, self.installation.settings.data_dir
        return (f"{landing.relative_to(data)}/**",) if landing.is_relative_to(data) else ()

    @contextmanager
    def _files_here(self) -> Iterator[Path]:
        """Yield the landing folder: a private copy, if the files arrive in an object store."""
        settings = self.installation.settings
        if settings.landing_root is None:
            yield settings.landing_dir
        elif not list_files(settings.landing_root, settings.storage_options):
            yield settings.fetch_dir / "empty"
        else:
            with local_copy(settings.landing_root, settings.storage_options) as copy:
                yield copy

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of the person's rows in the files of each source."""
        tokens = self.installation.tokenizer
        listed = ListedIdentifiers(tokens.derived_key("export"), entries_of(subject, None))
        found = []
        for contract, rows in self._row_counts(listed):
            if rows:
                basis = contract.retention_basis
                text = Wording(f"Files of {contract.name} as delivered", f"{contract.name} 원본 파일")
                source = Wording(contract.name, contract.name)
                found.append(
                    Holding(f"landing/{contract.name}", rows, text, contract.purposes, source, Wording(basis, basis))
                )
        return found

    def _row_counts(self, listed: ListedIdentifiers) -> Iterator[tuple[Contract, int]]:
        with self._files_here() as landing:
            for contract in self._contracts():
                rows = 0
                for file in _files(contract, landing):
                    try:
                        rows += len(self._lines(contract, file, listed))
                    except FileFaultError:
                        continue  # `verify` reports a file that cannot be read
                yield contract, rows

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: bronze has the same rows."""
        yield from ()

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Delivered files stay as they were delivered; corrections are applied when they are read."""
        return Outcome.not_applicable(
            "Delivered files stay as they are; a correction is applied whenever they are read."
        )

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Nothing reads delivered files but the load."""
        return Outcome.not_applicable("Nothing but the load reads delivered files.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Take the rows of all suppressed persons out of the files. Can be repeated."""
        counts: Counter[str] = Counter()
        failures: list[str] = []
        settings = self.installation.settings
        try:
            with self._files_here() as landing:
                for contract in self._contracts():
                    failures += self._erase_from(contract, landing, subjects, counts)
            if settings.landing_root is not None:
                counts["versions_removed"] += remove_former_versions(settings.landing_root, settings.storage_options)
        except (OSError, ObjectStoreError) as error:
            failures.append(f"landing: {_reason(error)}")
        if failures:
            return Outcome.failed("; ".join(sorted(set(failures))), dict(counts))
        return Outcome.done({name: count for name, count in counts.items() if count})

    def _erase_from(
        self, contract: Contract, landing: Path, subjects: Sequence[Subject], counts: Counter[str]
    ) -> Iterator[str]:
        """Take the rows out of the files of one source; yield why a file could not be written without them."""
        by_path: dict[Path, list[LandedFile]] = defaultdict(list)
        for file in _files(contract, landing):
            by_path[file.path].append(file)
        for path, files in by_path.items():
            try:
                rows = self._rewrite(contract, path, files, path.relative_to(landing))
            except (FileFaultError, UnwritableFileError, OSError, ObjectStoreError) as error:
                if isinstance(error, FileFaultError) and not self._holds(path, subjects):
                    continue
                yield f"landing/{contract.name}: a file cannot be written without the rows: {_reason(error)}"
                continue
            counts["rows"] += rows
            counts["files_rewritten"] += rows > 0

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Read every landed file again, as its source and as plain bytes, and look for the persons."""
        settings = self.installation.settings
        try:
            with self._files_here() as landing:
                found = self._verify(subjects, landing)
        except (OSError, ObjectStoreError) as error:
            return Verification((), (), (f"landing: {_reason(error)}",))
        if settings.landing_root is None:
            return found
        former = former_versions(settings.landing_root, settings.storage_options)
        return Verification(found.checked, found.residues, (*found.unverifiable, *former))

    def _verify(self, subjects: Sequence[Subject], landing: Path) -> Verification:
        residues: set[str] = set()
        unverifiable: list[str] = []
        checked = []
        for contract in self._contracts():
            for file in _files(contract, landing):
                part = f"landing/{contract.name}"
                try:
                    if self._lines(contract, file, None):
                        residues.add(f"{part}: rows in a file")
                except FileFaultError:
                    if self._holds(file.path, subjects):
                        residues.add(f"{part}: identifiers in a file that cannot be read as its source")
        if landing.is_dir():
            needles = [one for subject in subjects for one in subject.needles if one.name in _SEARCHED]
            if needles:
                report = scan_folders([landing], Matcher(needles, self.installation.settings.phone_region))
                residues |= {f"{_part(one.path, landing)}: {one.needle}" for one in report.findings}
                unverifiable += [f"{_part(one.path, landing)}: {one.reason}" for one in report.undecoded]
            for folder in sorted(one for one in landing.iterdir() if one.is_dir()):
                for path in sorted(one for one in folder.rglob("*") if one.is_file()):
                    if _contains(path, _emails(subjects)):
                        residues.add(f"{_part(str(path), landing)}: email")
                checked.append(CheckedPart(f"landing/{folder.name}", "", _digest(folder)))
        return Verification(tuple(checked), tuple(sorted(residues)), tuple(sorted(set(unverifiable))))

    def _contracts(self) -> list[Contract]:
        """Return the sources whose rows can be told to be a person's."""
        sources = self.installation.contracts.sources
        return [one for one in sources if one.subject_key is not None and one.file is not None and one.file.is_landed]

    def _rewrite(self, contract: Contract, path: Path, files: Sequence[LandedFile], name: Path) -> int:
        assert contract.file is not None
        found = {file.member: lines for file in files if (lines := self._lines(contract, file, None))}
        if not found:
            return 0
        contents = {member: content_without(path, member, contract.file, lines) for member, lines in found.items()}
        data = packed(path, contents)
        table = BronzeTable(contract, self.installation.lakehouse)
        whole = hashlib.sha256(data).hexdigest()
        new_ids = [
            whole if file.member is None else hashlib.sha256(f"{whole}\0{file.member}".encode()).hexdigest()
            for file in files
            if table.holds(file.file_id)
        ]
        # Noted before the file is replaced: a kill in between costs nothing, and no run loads the file again.
        if missing := [one for one in new_ids if not table.holds(one)]:
            table.commit([], missing, in_utc(self.installation.clock()))
        replace_file(path, data)
        settings = self.installation.settings
        if settings.landing_root is not None:
            store(path, f"{settings.landing_root}/{name.as_posix()}", settings.storage_options)
        return sum(len(lines) for lines in found.values())

    def _lines(self, contract: Contract, file: LandedFile, listed: ListedIdentifiers | None) -> list[int]:
        """Return the lines of a file with rows of suppressed persons, or of the persons in `listed`."""
        protection = self.installation.protection
        if listed is not None:
            protection = replace(protection, suppression=listed)
        options = LoadOptions.of(self.installation.settings, self.installation.reference_date())
        shared = LoadContext(contract, protection, "", in_utc(self.installation.clock()), options)
        lines: list[int] = []
        try:
            for batch in read_safely(open_source(file, contract, options.max_line)):
                columns, faults = check_safely(batch, lambda one: complete(one, shared))
                erased = erased_rows(batch, columns, faults, shared)
                lines += batch.lines[np.flatnonzero(erased)].tolist()
        except CONTENT_ERRORS as error:
            raise FileFaultError("unreadable", type(error).__name__) from error
        return lines

    def _holds(self, path: Path, subjects: Sequence[Subject]) -> bool:
        """Return whether a file that its source cannot read contains an identifier of one of the persons."""
        needles: list[Needle] = [one for subject in subjects for one in subject.needles]
        report = scan_folders([path], Matcher(needles)) if needles else None
        return report is not None and not report.is_clean


def _files(contract: Contract, landing: Path) -> tuple[LandedFile, ...]:
    assert contract.file is not None
    return find_files(landing, contract.file.path)


def _emails(subjects: Sequence[Subject]) -> re.Pattern[bytes] | None:
    """Return a pattern that finds the persons' e-mail addresses, but not those that end like them."""
    values = {
        re.escape(one.value.strip().encode()) for subject in subjects for one in subject.needles if one.name == "email"
    }
    return re.compile(rb"(?<![A-Za-z0-9._%+-])(?:" + b"|".join(sorted(values)) + rb")", re.I) if values else None


def _contains(path: Path, pattern: re.Pattern[bytes] | None) -> bool:
    if pattern is None:
        return False
    try:
        with open_bytes(path, None) as stream:
            return pattern.search(stream.read()) is not None
    except (FileFaultError, OSError):
        return pattern.search(path.read_bytes()) is not None


def _part(path: str, landing: Path) -> str:
    return f"landing/{Path(path).relative_to(landing).parts[0]}"


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        whole.update(digest(path)[0].encode())
    return whole.hexdigest()


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, FileFaultError) else str(error).strip().splitlines()[0][:300]
