"""Who may write a lakehouse: the installation that it belongs to, and one run of it at a time, over all machines.

The root of the lakehouse has a small Delta table with one document, see `Claim`. It is replaced by a commit that fails
if another process has committed meanwhile. So it works on every store on which the tables themselves work, which on an
object store is by conditional puts.

    first run:  no claim → create it with the fingerprint of the token secret, and the owner of the stores
    later runs: the fingerprint and the owner must be ours; otherwise nothing is written
    a run:      take the lease until LEASE_SECONDS from now, renew it, release it at the end

A lease that was not renewed has ended, so a killed run stops other machines for LEASE_SECONDS at most. It does not stop
the next run in the same data folder, which holds the folder's lock: so the former one has ended. The clocks of the
machines may differ by less than LEASE_SECONDS minus RENEWAL_SECONDS.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from installation.errors import LakehouseError
from installation.machine import ID_FILE, machine_id, register
from installation.object_store.errors import explained
from installation.object_store.place import is_url
from installation.secret_key import MADE

if TYPE_CHECKING:
    from installation.installation import Installation
    from installation.settings import Settings

LEASE_SECONDS = 120
RENEWAL_SECONDS = 30
_TABLE = "_bojagi/claim"
_CONFIGURATION = {
    # A lease makes two versions, and one for each renewal.
    "delta.logRetentionDuration": "interval 1 days", "delta.checkpointInterval": "20",
}  # fmt: skip
_KEEP_HOURS = 24
"""For so long the files of former versions stay."""
_VACUUM_VERSIONS = 50
"""After so many versions, former files are removed."""
_ATTEMPTS = 50
"""How often a replacement is tried against other processes, before it is refused."""


class LakehouseClaimedError(LakehouseError):
    """The lakehouse belongs to another installation, so nothing was written."""


class LakehouseBusyError(LakehouseError):
    """Another run works in the lakehouse, or has taken it over."""


class Claim(BaseModel):
    """The content of the document.

    `fingerprint` is a keyed hash of the token secret that reveals nothing. `owner` is the id of the database with the
    stores, or of the installation whose stores are files. `holder` names the run that has the lease, until `until`.
    `folder` is a hash that names its data folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str
    owner: str
    holder: str = ""
    folder: str = ""
    until: AwareDatetime | None = None


@dataclass(frozen=True)
class ClaimTable:
    """The Delta table with the claim, below one root."""

    root: str
    storage_options: Mapping[str, str]

    def read(self) -> tuple[Claim | None, int]:
        """Return the claim and its version; None and -1 if there is none."""
        from deltalake import DeltaTable

        options = dict(self.storage_options)
        if not DeltaTable.is_deltatable(self._path, storage_options=options):
            return None, -1
        table = DeltaTable(self._path, storage_options=options)
        return Claim.model_validate_json(table.to_pyarrow_table()["content"][0].as_py()), table.version()

    def replace(self, claim: Claim, version: int) -> bool:
        """Write a claim in the place of that version; return False if another process was faster."""
        import pyarrow as pa
        from deltalake import CommitProperties, DeltaTable, write_deltalake
        from deltalake.exceptions import CommitFailedError, DeltaError

        rows, options = pa.table({"content": [claim.model_dump_json()]}), dict(self.storage_options)
        try:
            if version < 0:
                write_deltalake(self._path, rows, mode="error", configuration=_CONFIGURATION, storage_options=options)
                return True
            table = DeltaTable(self._path, version=version, storage_options=options)
            once = CommitProperties(max_commit_retries=0)
            write_deltalake(table, rows, mode="overwrite", commit_properties=once)
        except CommitFailedError:
            return False
        except (OSError, DeltaError) as error:
            if version < 0 and isinstance(error, DeltaError) and self.read()[1] >= 0:
                return False
            if is_url(self.root):
                raise explained(error, self.root, self.storage_options) from error
            raise
        return True

    def vacuum(self) -> None:
        """Remove the files of former versions, see `_KEEP_HOURS`."""
        from deltalake import DeltaTable

        table = DeltaTable(self._path, storage_options=dict(self.storage_options))
        # Full, because checkpoints forget which files the former versions had.
        table.vacuum(_KEEP_HOURS, dry_run=False, enforce_retention_duration=False, full=True)

    @property
    def _path(self) -> str:
        return f"{self.root}/{_TABLE}"


def require_own(installation: Installation) -> None:
    """Check that the lakehouse belongs to this installation; claim one that belongs to nobody.

    Raises:
        LakehouseClaimedError: it belongs to another one. Nothing was written.
    """
    _owned(installation)


def unleased_claim(settings: Settings) -> str | None:
    """Return the claim of the lakehouse as JSON, without its lease, for a backup; None if there is none."""
    claim, _ = read_claim(ClaimTable(settings.lakehouse_root, settings.storage_options))
    return None if claim is None else _unleased(claim).model_dump_json()


def restore_claim(settings: Settings, text: str) -> None:
    """Write the claim of a backup into a lakehouse that has none, so that no other installation takes it.

    Raises:
        LakehouseClaimedError: the lakehouse has one.
    """
    table = ClaimTable(settings.lakehouse_root, settings.storage_options)
    if not table.replace(Claim.model_validate_json(text), -1):
        raise LakehouseClaimedError(f"The lakehouse {table.root} belongs to an installation already.")


def is_leased_elsewhere(installation: Installation) -> bool:
    """Return whether a run of another data folder works in the lakehouse."""
    claim, _ = read_claim(ClaimTable(installation.settings.lakehouse_root, installation.settings.storage_options))
    if claim is None or claim.until is None or claim.until <= installation.clock():
        return False
    return claim.folder != _folder_id(installation)


@contextmanager
def lakehouse_lease(installation: Installation) -> Iterator[None]:
    """Hold the lakehouse for the block; other machines are refused meanwhile.

    The caller holds the lock of the data folder (`pipelines.ingest.lock.run_lock`).

    Raises:
        LakehouseClaimedError: it belongs to another installation.
        LakehouseBusyError: another run holds it, or (at the end of the block) has taken it over, because this run did
            not renew its lease in time.
    """
    holder = f"{socket.gethostname()}, process {os.getpid()}, {secrets.token_hex(4)}"
    _take(installation, holder)
    if register(installation.settings, installation.server):
        if not (installation.settings.secret_dir / "audit.key").exists():
            # With its log, because a key without a log shows that the log was deleted.
            installation.open_audit_log().close()
        # All at the first run, so that a copy of the secret folder has every key that another machine needs.
        for name in MADE:
            installation.open_key(name)
    ended, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not ended.wait(RENEWAL_SECONDS):
            try:
                _take(installation, holder, renews=True)
            except LakehouseError:
                lost.set()
                return

    renewal = threading.Thread(target=renew, name="lakehouse-lease", daemon=True)
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join()
        if not lost.is_set():
            _release(installation, holder)
    if lost.is_set():
        raise LakehouseBusyError(
            f"The lease of {installation.settings.lakehouse_root} was lost during the run: it could not be renewed in "
            "time. Check the network to the lakehouse, then run again; finished tables are kept."
        )


def _take(installation: Installation, holder: str, *, renews: bool = False) -> None:
    root = installation.settings.lakehouse_root
    for _ in range(_ATTEMPTS):
        table, claim, version = _owned(installation)
        folder = _folder_id(installation)
        now = installation.clock().astimezone(UTC)
        is_free = claim.until is None or claim.until <= now or (folder != "" and claim.folder == folder)
        if claim.holder != holder and (renews or not is_free):
            raise _busy(root, claim)
        until_then = now + timedelta(seconds=LEASE_SECONDS)
        taken = claim.model_copy(update={"holder": holder, "folder": folder, "until": until_then})
        if table.replace(taken, version):
            return
    raise _unsettled(root)


def _release(installation: Installation, holder: str) -> None:
    for _ in range(_ATTEMPTS):
        table, claim, version = _owned(installation)
        freed = _unleased(claim)
        if claim.holder != holder:
            return
        if table.replace(freed, version):
            if version % _VACUUM_VERSIONS < 2:
                table.vacuum()
            return


def _unleased(claim: Claim) -> Claim:
    return Claim(fingerprint=claim.fingerprint, owner=claim.owner)


def _owned(installation: Installation) -> tuple[ClaimTable, Claim, int]:
    settings, tables = installation.settings, installation.lakehouse  # its object store must answer
    table = ClaimTable(tables.root, tables.storage_options)
    for _ in range(_ATTEMPTS):
        claim, version = read_claim(table)
        fingerprint, owner = installation.tokenizer.derived_key("lakehouse claim").hex(), _owner(installation)
        if claim is None:
            table.replace(Claim(fingerprint=fingerprint, owner=owner), version)
            continue
        if not hmac.compare_digest(claim.fingerprint, fingerprint):
            raise LakehouseClaimedError(
                f"The lakehouse {settings.lakehouse_root} was made with other secrets than those in "
                f"{settings.secret_dir}, so nothing was written. Copy the secrets of its installation, or set another "
                "lakehouse_root."
            )
        if claim.owner != owner:
            former = _owner_of_files(installation, makes=False)
            if claim.owner != former:
                raise LakehouseClaimedError(
                    f"The lakehouse {settings.lakehouse_root} belongs to an installation with other stores of consent, "
                    "audit and keys, so nothing was written. Set the same `database` on both machines, or set another "
                    "lakehouse_root."
                )
            # The stores of this installation have moved from its files into the database.
            table.replace(claim.model_copy(update={"owner": owner}), version)
            continue
        return table, claim, version
    raise _unsettled(table.root)


def _busy(root: str, claim: Claim | None) -> LakehouseBusyError:
    holder = "another process" if claim is None or not claim.holder else claim.holder
    until = (
        "" if claim is None or claim.until is None else f"; its lease ends at {claim.until:%H:%M:%S} UTC unless renewed"
    )
    return LakehouseBusyError(f"Another run is working in the lakehouse {root}: {holder}{until}. Wait until it ends.")


def _unsettled(root: str) -> LakehouseBusyError:
    return LakehouseBusyError(
        f"The claim of the lakehouse {root} was replaced {_ATTEMPTS} times by other processes. Run again; if it lasts, "
        "the object store has no conditional puts."
    )


def read_claim(table: ClaimTable) -> tuple[Claim | None, int]:
    """Return the claim and its version; raises `LakehouseError` with the cause if it cannot be read."""
    from deltalake.exceptions import DeltaError

    try:
        return table.read()
    except (OSError, DeltaError, ValueError) as error:
        if is_url(table.root):
            raise LakehouseError(str(explained(error, table.root, table.storage_options))) from error
        reason = " ".join(str(error).split())[:300]
        raise LakehouseError(
            f"{table.root}: the claim of the lakehouse cannot be read: {reason}. Check lakehouse_root and "
            "storage_options."
        ) from error


def _folder_id(installation: Installation) -> str:
    """Return a hash that names the data folder while this machine is up; empty on a system without a boot id."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():
        return ""
    folder = os.stat(installation.settings.data_dir)
    return hashlib.sha256(f"{boot.read_text()}|{folder.st_dev}|{folder.st_ino}".encode()).hexdigest()


def _owner(installation: Installation) -> str:
    server = installation.server
    if server is None:
        return _owner_of_files(installation, makes=True) or ""
    return f"database {server.open('lakehouse').database_id}"


def _owner_of_files(installation: Installation, *, makes: bool) -> str | None:
    is_made = makes or (installation.settings.data_dir / ID_FILE).exists()
    return f"files {machine_id(installation.settings)}" if is_made else None
