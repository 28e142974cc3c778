"""The store `lakehouse`: bronze, silver, gold, release and quarantine, and every other Delta table below the root."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from installation.contract.document import Contract
from installation.installation import Installation
from installation.lakehouse.rows import quoted, select
from installation.object_store.former_version import former_versions, remove_former_versions
from installation.rights.person_table import PersonTables
from pipelines.erasure.delta_history import find_tables, folders_of_tables, forget_history, has_history
from pipelines.erasure.delta_rewrite import Rewrite, TableEdit, rewrite_table
from pipelines.erasure.legal_record import is_kept_by_law, retained
from pipelines.erasure.table_edit import QuarantineEdit, SourceEdit, edit_of
from pipelines.ingest.load_id import in_utc
from pipelines.ingest.suppressed_row import ROW, PersonRows, entries_of
from pipelines.lakehouse.table_copy import FOLDER
from privacy.protection.errors import ProtectionError
from privacy.protection.scan.folder import scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.protection.scan.needle import Needle
from privacy.protection.suppression import FOR_EVER, NOT_LISTED, REFERENCES, KnownIdentifiers, moment_of
from privacy.rights.subject import Subject
from privacy.rights.subject_store import (
    CheckedPart,
    Correction,
    ExportedTable,
    Holding,
    Outcome,
    Retained,
    Verification,
)

_PREFIX = 24
"""Characters of a token that are searched for. Delta and Spark cut statistics of longer texts to 32 characters."""
_CHUNK = 1 << 20
_WHO = "bojagi rights"
"""Name of the store in the audit log, where it decrypts identifiers for an answer."""


@dataclass(frozen=True)
class Sweep:
    """The result of a repeated erasure.

    `rows_lost`: rows with a field that the law keeps, whose key was destroyed before the table was restored, by table.
    """

    outcome: Outcome
    rows_lost: Mapping[str, int]


@dataclass(frozen=True)
class LakehouseStore:
    """The Delta tables of an installation. Callers of `erase` and `sweep` hold the run lock.

    They erase after the destinations of profiles were told, because `silver/sent_profile` says whom to tell.
    """

    installation: Installation
    name: str = "lakehouse"
    after: tuple[str, ...] = ("destinations",)

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything below the root of the lakehouse."""
        root, data = Path(self.root), self.installation.settings.data_dir
        copies = f"{self.installation.settings.fetch_dir.relative_to(data)}/{FOLDER}/**"
        return (f"{root.relative_to(data)}/**", copies) if root.is_relative_to(data) else (copies,)

    @property
    def root(self) -> str:
        """Location of the lakehouse."""
        return self.installation.lakehouse.root

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of the person's rows in each table."""
        return PersonTables(self.installation, _WHO).find(subject)

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the rows of each table that are certainly about the person.

        A copy leaves out what may be another person's, so these are fewer rows than `erase` finds.
        """
        return PersonTables(self.installation, _WHO).export(subject)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Tables are built from sources with their corrections; nothing is corrected in a table itself."""
        return Outcome.not_applicable("Tables are built again from the corrected source.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Every read is decided by the consent record, which holds the restriction."""
        return Outcome.not_applicable("Every read of a table asks the consent record, which holds the restriction.")

    def suppress(self, subjects: Sequence[Subject]) -> int:
        """Add the persons to the suppression list; return the number of new entries. From now on no load adds them."""
        moment, listed = self.installation.shop_time(), self.installation.suppression
        # An entry that ends keeps its end when an interrupted erasure goes on later.
        return listed.add_all(
            {
                one.reference: [
                    e for e in entries_of(one, moment) if e.until is None or not listed.lists(e.kind, e.value)
                ]
                for one in subjects
            }
        )

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Erase the persons from all tables: suppress, lock what the law keeps, destroy keys, rewrite, forget history.

        Can be killed at any moment and repeated.
        """
        counts: Counter[str] = Counter(suppressed=self.suppress(subjects))
        return self._sweep(counts, subjects)

    def sweep(self, tables: Sequence[str]) -> Sweep:
        """Erase all suppressed persons from these tables again: after a backup was restored, their rows may be back."""
        lost: Counter[str] = Counter()
        return Sweep(self._sweep(Counter(), (), set(tables), lost), lost)

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode every file below the root and look for the persons: rows, versions, log, checkpoints, statistics."""
        residues: set[str] = set()
        unverifiable: list[str] = []
        suppression, rows, checked = self.installation.suppression, self._suppressed(), []
        if not all(suppression.lists("value", one) for subject in subjects for one in subject.customer_ids):
            residues.add("a person is not on the suppression list, so a load could bring the person back")
        matcher, tables = Matcher(needles_of(subjects)), set(self._tables())
        for location, folder in folders_of_tables(self.root, self._options):
            part = self._name(location) if location else "a file outside of the tables"
            report = scan_folders([folder], matcher)
            residues |= {f"{part}: {one.needle} in {one.where}" for one in report.findings}
            unverifiable += [f"{part} {one.where}: {one.reason}" for one in report.undecoded]
            if location not in tables:
                continue
            try:
                edit = self._edit(location, rows)
                residues |= {f"{part}: rows in {name}" for name in _files_with(edit, folder)}
                version = str(DeltaTable(str(folder)).version())
            except (OSError, pa.ArrowException, DeltaError, ProtectionError) as error:
                unverifiable.append(f"{part}: {type(error).__name__}")
                continue
            checked.append(CheckedPart(part, version, _digest(folder)))
        unverifiable += former_versions(self.root, self._options)
        return Verification(tuple(checked), tuple(sorted(residues)), tuple(unverifiable))

    def _sweep(
        self,
        counts: Counter[str],
        subjects: Sequence[Subject],
        only: Set[str] | None = None,
        lost: Counter[str] | None = None,
    ) -> Outcome:
        protection = self.installation.protection
        shutil.rmtree(self.installation.settings.fetch_dir / FOLDER, ignore_errors=True)  # left by a killed run
        rows = self._persons(subjects) if subjects else self._suppressed()
        owners = [owner for subject in subjects for owner in subject.source_persons]
        kept: list[Retained] = []
        try:
            chosen = [one for one in self._tables() if only is None or self._name(one) in only]
            edits = {location: self._edit(location, rows) for location in chosen}
            # What the law keeps is encrypted again before the person's keys are destroyed.
            ordered = sorted(edits, key=lambda location: not _locks(edits[location]))
            first = [location for location in ordered if _locks(edits[location])]
            locked = {location: self._rewrite(location, edits[location], "locked") for location in first}
            for done in locked.values():
                counts.update(done)
            counts["keys_destroyed"] += protection.cipher.destroy(owners) if owners else 0
            for location in ordered[len(first) :]:
                counts.update(self._rewrite(location, edits[location], "rows"))
            for location, edit in edits.items():
                if lost is not None and isinstance(edit, SourceEdit) and edit.rows_lost:
                    lost[self._name(location)] = edit.rows_lost
                if isinstance(edit, QuarantineEdit) and edit.key_ids:
                    counts["keys_destroyed"] += protection.cipher.store.destroy_ids(edit.key_ids)
            # Only now: a shallow clone reads the files of its original until it is written anew.
            for location in ordered:
                if self._is_personal(location) and has_history(location, self._options):
                    counts["files_removed"] += forget_history(location, self._options)
            counts["versions_removed"] += remove_former_versions(self.root, self._options)
            for location in first if subjects else ():
                edit = edits[location]
                assert isinstance(edit, SourceEdit)
                kept += self._kept(location, edit.contract, subjects, locked[location]["locked"])
        except (DeltaError, OSError, ProtectionError, pa.ArrowException) as error:
            return Outcome.failed(f"{self.name}: {_first_line(error)}", dict(counts))
        return Outcome.done({name: count for name, count in counts.items() if count}, kept)

    def _rewrite(self, location: str, edit: TableEdit, what: str) -> dict[str, int]:
        now = in_utc(self.installation.clock())
        try:
            done: Rewrite = rewrite_table(location, edit, self._options, now)
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise OSError(f"{self._name(location)} cannot be rewritten: {_first_line(error)}") from error
        return {what: done.rows, "files_rewritten": done.files}

    def _kept(self, location: str, contract: Contract, subjects: Sequence[Subject], locked: int) -> Iterator[Retained]:
        """Yield the statement about the rows of these persons that the law keeps in a source's table."""
        tokens = self.installation.tokenizer
        rows = PersonRows(KnownIdentifiers(e for one in subjects for e in entries_of(one, None)), tokens)
        clock = contract.retention_column
        schema = pa.schema(self._delta(location).schema().to_arrow())
        wanted = [*rows.columns(contract, schema.names), *([clock] if clock else [])]
        if not rows.suppression or not wanted:
            return
        count, newest = 0, None
        for batch in select(self._delta(location), quoted(list(dict.fromkeys(wanted)))).to_batches():
            found = rows.of_source(contract, dict(zip(batch.schema.names, batch.columns, strict=True)), batch.num_rows)
            count += int(found.sum())
            if clock and found.any():
                last = pc.max(batch.column(clock).filter(pa.array(found)).cast(pa.date32(), safe=False)).as_py()
                newest = max(filter(None, (newest, last)), default=None)
        if count or locked:
            yield retained(contract, max(count, locked), newest)

    def _persons(self, subjects: Sequence[Subject]) -> PersonRows:
        """Return the rule for these persons alone, with the ends of their entries on the suppression list."""
        listed, moment = self.installation.suppression, self.installation.shop_time()
        entries = []
        for entry in (one for subject in subjects for one in entries_of(subject, moment)):
            until = listed.until(entry.kind, pa.array([entry.value]))[0] if entry.until is not None else FOR_EVER
            entries.append(entry if until in (FOR_EVER, NOT_LISTED) else replace(entry, until=moment_of(int(until))))
        return PersonRows(KnownIdentifiers(entries), self.installation.tokenizer)

    def _suppressed(self) -> PersonRows:
        return PersonRows(self.installation.suppression, self.installation.tokenizer)

    def _edit(self, location: str, rows: PersonRows) -> TableEdit:
        schema = pa.schema(self._delta(location).schema().to_arrow())
        contracts, protection = self.installation.contracts, self.installation.protection
        return edit_of(self._name(location), schema, contracts, rows, protection)

    def _tables(self) -> list[str]:
        """Return the tables that may hold personal data: all but those whose contract says that they hold none."""
        return [location for location in find_tables(self.root, self._options) if self._is_personal(location)]

    def _is_personal(self, location: str) -> bool:
        declared = [one for one in self.installation.contracts.values() if one.table == self._name(location)]
        return not declared or declared[0].is_personal

    def _name(self, location: str) -> str:
        return location.removeprefix(self.root).strip("/")

    def _delta(self, location: str) -> DeltaTable:
        return DeltaTable(location, storage_options=self._options)

    @property
    def _options(self) -> dict[str, str]:
        return self.installation.lakehouse.storage_options


def needles_of(subjects: Sequence[Subject]) -> tuple[Needle, ...]:
    """Return everything to search for: values in clear, customer ids, tokens and visits.

    Orders are left out: the law keeps them, and without the person's keys they name nobody.
    """
    found: dict[tuple[str, str], Needle] = {}
    for subject in subjects:
        named = [("customer id", one) for one in subject.customer_ids]
        named += [(f"{kind} token", token[:_PREFIX]) for kind, token in subject.tokens if _is_searched(kind)]
        named += [(kind, token) for kind, token in subject.tokens if kind == "session_id"]
        for needle in [*subject.needles, *(Needle(name, value) for name, value in named if len(value) >= 6)]:
            found.setdefault((needle.name, needle.value), needle)
    return tuple(found.values())


def _is_searched(kind: str) -> bool:
    return kind not in REFERENCES and not kind.startswith(ROW)


def _locks(edit: TableEdit) -> bool:
    return isinstance(edit, SourceEdit) and is_kept_by_law(edit.contract)


def _marked(edit: TableEdit, batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return edit.mark(batch.select(edit.columns(batch.schema)))


def _files_with(edit: TableEdit, folder: Path) -> Iterator[str]:
    """Yield the kind of every data file in a table's folder, of any version or none, that holds a marked row."""
    for path in sorted(folder.rglob("*.parquet")):
        if "_delta_log" in path.relative_to(folder).parts:
            continue
        texts = [one.name for one in pq.read_schema(path) if pa.types.is_string(one.type)]
        with pq.ParquetFile(path, read_dictionary=texts) as parquet:
            columns = edit.columns(parquet.schema_arrow)
            if columns and any(edit.mark(batch).any() for batch in parquet.iter_batches(1 << 18, columns=columns)):
                yield "a data file"


def _digest(folder: Path) -> str:
    """Return the SHA-256 over the names and contents of a folder's files."""
    whole = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        state = hashlib.sha256(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                state.update(chunk)
        whole.update(state.digest())
    return whole.hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
