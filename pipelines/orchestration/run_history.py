"""Dagster's storage as a store of personal data: no run should name a person, and a run that does is deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installation.rights.database_row import person_rows
from installation.rights.owned_file import files_of
from installation.settings import Settings
from privacy.protection.scan.matcher import Matcher
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import needles_of, scan_for, verify_files
from privacy.rights.subject_store import Correction, ExportedTable, Holding, Outcome, Verification
from privacy.storage.database import ServerFault

if TYPE_CHECKING:
    from privacy.storage.postgres import PostgresServer

REASON = "Dagster's storage has names of tables, numbers and texts of errors, no personal data."
_RUN_COLUMN = "run_id"
_SCHEMA = "dagster"


@dataclass(frozen=True)
class RunHistory:
    """The runs and logs of an installation, see `SubjectStore`. Call `erase` while no run is in progress."""

    settings: Settings
    server: PostgresServer | None = None
    """With Dagster's tables, if they are in PostgreSQL."""
    name: str = "run history"
    paths: tuple[str, ...] = ("dagster/**",)

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return nothing: runs are not about persons."""
        return ()

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing."""
        return iter(())

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Do nothing."""
        return Outcome.not_applicable(REASON)

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing."""
        return Outcome.not_applicable(REASON)

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete each run in whose record or log a person is found, and rewrite the databases without its bytes."""
        scanned = scan_for(subjects, files_of(self.settings, self.paths))
        if scanned is None:
            return Outcome.failed("the look-up of the person has no identifier to search for")
        matcher, runs = Matcher(needles_of(subjects)), set[str]()
        for path in scanned.with_person:
            runs |= set(_runs_of(path, matcher))
        try:
            tables = [] if self.server is None else list(person_rows(self.server, _SCHEMA, matcher, _RUN_COLUMN))
            runs |= {run for table in tables for run in table.values}
            if runs:
                self._delete(runs)
            if self.server is not None:
                self.server.open("audit").vacuum(*(one.table for one in tables))
        except ServerFault as error:
            return Outcome.failed(error.message)
        databases = [path for path in scanned.with_person if path.suffix == ".db" and path.exists()]
        for path in databases:
            _rewrite(path)
        return Outcome.done({"runs_deleted": len(runs), "databases_rewritten": len(databases) + len(tables)})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode every file, and look for the persons. `DatabaseRows` does it in PostgreSQL."""
        return verify_files(subjects, files_of(self.settings, self.paths), self.settings.data_dir)

    def _delete(self, runs: set[str]) -> None:
        from pipelines.orchestration.instance import open_instance

        with open_instance(self.settings) as instance:
            for run_id in sorted(runs):
                instance.delete_run(run_id)
        for run_id in runs:
            logs = self.settings.dagster_dir / "storage" / run_id
            for path in sorted(logs.rglob("*"), reverse=True) if logs.is_dir() else []:
                path.unlink() if path.is_file() else path.rmdir()


def _runs_of(path: Path, matcher: Matcher) -> Iterator[str]:
    """Yield the runs that a file with a person belongs to: by its name, or by the rows of a database."""
    parts = path.parts
    if "runs" in parts and path.suffix == ".db" and path.stem != "index":
        yield path.stem
    elif "compute_logs" in parts:
        yield parts[parts.index("compute_logs") - 1]
    elif path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
                if _RUN_COLUMN in columns:
                    place = columns.index(_RUN_COLUMN)
                    for row in database.execute(f'SELECT * FROM "{table}"').fetchall():
                        if row[place] and matcher.in_text("\x01".join(map(str, row))):
                            yield str(row[place])


def _rewrite(path: Path) -> None:
    """Rewrite a database without the bytes of deleted rows, and empty its write-ahead log."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
