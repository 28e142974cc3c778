"""Restores a backup for use, or into a scratch folder that is checked and deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from installation.backup.creation import backup_settings
from installation.backup.restoration import RestorePlan, RestoreReport, restore
from installation.backup.vault import Part
from installation.backup.verification import Check, check_installation
from installation.errors import SettingsError
from installation.installation import Installation
from installation.lakehouse_claim import lakehouse_lease
from installation.settings import Settings
from pipelines.erasure.restored_table import keep_erased
from pipelines.ingest.lock import is_locked, run_lock
from privacy.audit import AuditEntry
from privacy.errors import PrivacyError

WHO = "bojagi restore"


@dataclass(frozen=True)
class Recovery:
    """The result of a restore.

    `rows_erased`: rows of persons who were erased after the backup; None if that could not be looked for.
    `rows_lost`: those of them, by table, in which a field that the law keeps is lost: its key was destroyed at the
    erasure, and the tables of the backup are older.
    """

    report: RestoreReport
    checks: tuple[Check, ...] = ()
    rows_erased: int | None = None
    rows_lost: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether every check holds."""
        return bool(self.checks) and all(check.holds for check in self.checks)


def recover(settings: Settings, plan: RestorePlan) -> Recovery:
    """Restore a backup, erase persons from it who were erased since, check every part, and log the restore.

    Without the secrets nothing of that is possible: then `checks` is empty, and every use stays refused until the
    secrets are there.

    Raises:
        AliveError: an installation is there already, or a run works in it.
        BackupError: the backup is missing, incomplete or damaged.
    """
    if settings.data_dir.exists() and is_locked(settings.data_dir):
        raise SettingsError(f"A run works in {settings.data_dir}, so nothing was changed. Stop it first.")
    report = restore(settings, plan)
    if not settings.token_key_file.exists():
        return Recovery(report)
    with Installation(settings) as installation:
        # First, because it moves the anchor of the audit log to the log's end, see `installation.backup.creation`.
        logged = _note(installation, report)
        checks = (logged, *check_installation(installation, report.parts[Part.TABLES]))
        if not all(check.holds for check in checks):
            return Recovery(report, checks)
        try:
            with run_lock(settings.data_dir), lakehouse_lease(installation):
                kept = keep_erased(installation)
        except PrivacyError as error:
            return Recovery(report, (*checks, Check("erased persons stay away", False, error.message)))
    return Recovery(report, checks, kept.rows, kept.rows_lost)


def verify_backup(installation: Installation, backup: str | None = None) -> Recovery:
    """Restore a backup into a scratch folder, check every part, and delete the folder.

    The installation itself is not touched. With the stores in PostgreSQL, `backup.scratch_database` is filled and
    emptied again.

    Args:
        installation: names the places and the key.
        backup: id of the backup; None takes the newest.

    Raises:
        BackupError: the backup is missing, incomplete or damaged.
        SettingsError: no place, or no scratch database, is set.
    """
    with scratch_settings(installation.settings) as settings:
        return recover(settings, RestorePlan(backup))


@contextmanager
def scratch_settings(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose folders and database are empty scratch ones, and empty them again."""
    backup = backup_settings(settings)
    folder = backup.scratch_dir or settings.data_dir.with_name(f".{settings.data_dir.name}.backup-check")
    data = folder / "data"
    changes = {
        "data_dir": data, "landing_dir": data / "landing", "lakehouse_root": str(data / "lakehouse"),
        "secret_dir": data / "secret", "anchor_archive": None, "landing_root": None,
        "database": backup.scratch_database,
        "contract_dirs": tuple(_moved(one, settings.data_dir, data) for one in settings.contract_dirs),
    }  # fmt: skip
    if settings.database is None:
        changes["database"] = None
    elif backup.scratch_database is None:
        raise SettingsError(
            "The stores are in PostgreSQL, so a backup is verified in a database of its own. Set scratch_database in "
            "[backup] to an empty one."
        )
    scratch = settings.model_copy(update=changes)
    shutil.rmtree(folder, ignore_errors=True)
    _empty(scratch)
    try:
        yield scratch
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _empty(scratch)


def _empty(scratch: Settings) -> None:
    if scratch.database is None:
        return
    from installation.backup.server_copy import empty_scratch
    from installation.database import open_server

    if (server := open_server(scratch, imports=True)) is not None:
        empty_scratch(server.conninfo)


def _moved(folder: Path, former: Path, new: Path) -> Path:
    return new / folder.relative_to(former) if folder.is_relative_to(former) else folder


def _note(installation: Installation, report: RestoreReport) -> Check:
    tables, stores = report.parts[Part.TABLES], report.parts[Part.STORES]
    entry = AuditEntry(
        at=installation.clock(), who=WHO, role="operator", purpose="restore", action="restore", table="all",
        reason=f"tables of {tables.id}, stores of {stores.id}",
    )  # fmt: skip
    try:
        return Check("restore is logged", True, f"entry {installation.audit_log.append(entry).number}")
    except PrivacyError as error:
        return Check("restore is logged", False, error.message)
