"""Makes backups while runs and requests go on.

Order: tables, anchors, stores, secrets. So the copied key store has the key of every copied row, and the copied stores
contain what the copied anchors record:

    version of each table → files of these versions → anchors → stores of one moment each → keys

A store in an SQLite file is copied by `VACUUM INTO`, so no deleted row is in the copy. Stores in PostgreSQL are copied
in one transaction.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from installation.backup.content import (
    WORK_FOLDER,
    area_places,
    own_files,
    part_of_table,
    table_files,
    table_versions,
)
from installation.backup.place import BackupError, MissingFileError, Place
from installation.backup.vault import Area, FileEntry, Manifest, Part, Vault, previous_files
from installation.database import HEAD
from installation.errors import SettingsError
from installation.lakehouse_claim import unleased_claim
from privacy.storage.atomic_file import create_private_folder
from privacy.storage.lock import file_lock
from privacy.storage.secret_file import load_key

if TYPE_CHECKING:
    import pyarrow.fs as pafs

    from installation.backup_settings import BackupSettings
    from installation.installation import Installation
    from installation.settings import Settings

_WRITERS = 4
"""Files that are copied at once: an object store answers each request after some milliseconds."""
_ATTEMPTS = 5
"""How often a table is copied anew, because a load or an erasure has removed its files meanwhile."""
_SQLITE = b"SQLite format 3\0"
ID_FORMAT = "%Y%m%dT%H%M%S.%fZ"
"""Names of backups: the time in UTC at which they were begun, so that their order is the alphabetical one."""
KEPT_VERSIONS = (Part.TABLES, Part.STORES)


@dataclass(frozen=True)
class BackupReport:
    """What a backup wrote. `id`: its name. `removed`: chunks that no backup needs any more."""

    id: str
    parts: Mapping[Part, Manifest] = field(repr=False)
    new_chunks: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Vaults:
    """The two places of the settings."""

    settings: BackupSettings
    data: Vault
    secrets: Vault

    def of(self, part: Part) -> Vault:
        """Return the place of a part."""
        return self.secrets if part is Part.SECRETS else self.data

    def prune(self, now: datetime) -> int:
        """Delete backups that have expired, and what an erasure must not leave; return the number of chunks."""
        limit = (now - timedelta(days=self.settings.keep_days)).astimezone(UTC).strftime(ID_FORMAT)
        newest = {part: self.of(part).ids(part)[-1:] for part in Part}

        def keeps(part: Part, identifier: str) -> bool:
            return [identifier] == newest[part] or (part in KEPT_VERSIONS and identifier >= limit)

        return self.data.prune(keeps) + self.secrets.prune(keeps)


def backup_settings(settings: Settings) -> BackupSettings:
    """Return the settings of backups.

    Raises:
        SettingsError: there are none, or a place lies in a folder that is backed up.
    """
    if settings.backup is None:
        raise SettingsError(
            "No place for backups is set. Set [backup] with place, secrets_place and key_file in bojagi.toml; "
            "docs/operate/backup.md explains them."
        )
    backup = settings.backup
    own = [place.folder for place in area_places(settings).values() if place.folder is not None]
    for name, one in (("place", backup.place), ("secrets_place", backup.secrets_place), ("key_file", backup.key_file)):
        path = None if "://" in str(one) else Path(one).expanduser().absolute()
        if path is not None and any(path.is_relative_to(folder) for folder in own):
            raise SettingsError(f"backup.{name} {path} lies in a folder that is backed up. Name one on another disk.")
    return backup


def open_vaults(settings: Settings, *, creates: bool = False) -> Vaults:
    """Open both places with the backup key.

    Args:
        settings: name the places and the key.
        creates: whether a missing key is made, for the first backup.

    Raises:
        SettingsError: no place is set, the key is missing, or there is no backup yet.
        SecretError: the key cannot be used.
        BackupError: a place was written with another key, or cannot be read.
    """
    backup = backup_settings(settings)
    options = settings.storage_options if backup.storage_options is None else backup.storage_options
    secret = options if backup.secrets_storage_options is None else backup.secrets_storage_options
    places = Place(backup.place, options), Place(backup.secrets_place, secret)
    if not backup.key_file.exists():
        if any(place.names("check") for place in places):
            raise SettingsError(
                f"backup.key_file {backup.key_file} is missing, and no backup can be read without it. Copy it back."
            )
        if not creates:
            raise SettingsError(
                f"{backup.place} and {backup.secrets_place} hold no backup. Run `bojagi backup`, or correct place and "
                "secrets_place in [backup]."
            )
    key = load_key(backup.key_file)
    return Vaults(backup, *(Vault(place, key) for place in places))


def make_backup(installation: Installation, *, has_tables: bool = True) -> BackupReport:
    """Write a backup, and delete what has expired.

    Args:
        installation: the one that is copied; it stays in use.
        has_tables: whether tables are copied too. False takes seconds: for a backup every hour, and after an erasure.

    Raises:
        SettingsError: no place is set.
        BackupError: a place cannot be written, or a table changes faster than it is copied.
    """
    settings = installation.settings
    vaults = open_vaults(settings, creates=True)
    with _alone(installation) as folder:
        known = len(vaults.data.known()) + len(vaults.secrets.known())
        now = installation.clock().astimezone(UTC)
        made = _Making(installation, vaults, now.strftime(ID_FORMAT), now)
        parts = made.write(folder, has_tables)
        new = len(vaults.data.known()) + len(vaults.secrets.known()) - known
        return BackupReport(made.id, parts, new, vaults.prune(now))


@dataclass(frozen=True)
class _Making:
    """One backup while it is made."""

    installation: Installation
    vaults: Vaults
    id: str
    now: datetime

    def write(self, folder: Path, has_tables: bool) -> dict[Part, Manifest]:
        lakehouse = area_places(self.installation.settings)[Area.LAKEHOUSE]
        former = {part: previous_files(self.vaults.of(part).newest(part)) for part in Part}
        entries: dict[Part, list[FileEntry]] = {part: [] for part in Part}
        versions: dict[str, int] = {}
        if has_tables:
            versions, entries[Part.TABLES] = self._tables(lakehouse, former[Part.TABLES])
        loose = table_files(lakehouse, table_versions(lakehouse)).get(None, [])
        wanted = [(Part.LIVE, Area.LAKEHOUSE, info) for info in loose]
        wanted += own_files(self.installation.settings)
        # An anchor that is older than its store is advanced by the next change; the other way round is a fault.
        anchors = [one for one in wanted if _is_anchor(one)]
        others = [one for one in wanted if not _is_anchor(one)]
        copied = (self._copied(anchors, former, folder), self._database(folder), self._copied(others, former, folder))
        for part, entry in chain.from_iterable(copied):
            entries[part].append(entry)
        parts = [part for part in Part if has_tables or part is not Part.TABLES]
        manifests = {part: self._manifest(part, entries[part], versions) for part in parts}
        for part, manifest in manifests.items():
            self.vaults.of(part).write_manifest(manifest)
        return manifests

    def _manifest(self, part: Part, files: list[FileEntry], versions: dict[str, int]) -> Manifest:
        server = self.installation.server
        claim = unleased_claim(self.installation.settings) if part is Part.TABLES else None
        return Manifest(
            id=self.id, part=part, made_at=self.now, files=tuple(files), claim=claim,
            tables=versions if part is Part.TABLES else {}, database=None if server is None else HEAD,
        )  # fmt: skip

    def _tables(
        self, lakehouse: Place, former: Mapping[tuple[Area, str], FileEntry]
    ) -> tuple[dict[str, int], list[FileEntry]]:
        done: dict[str, tuple[int, list[FileEntry]]] = {}
        for _ in range(_ATTEMPTS):
            versions = {table: v for table, v in table_versions(lakehouse).items() if table not in done}
            if not versions:
                break
            files = table_files(lakehouse, versions)
            with ThreadPoolExecutor(_WRITERS) as pool:
                for table, version in versions.items():
                    try:
                        copies = list(
                            pool.map(
                                lambda info: self._copy(Part.TABLES, Area.LAKEHOUSE, lakehouse, info, former),
                                files.get(table, []),
                            )
                        )
                    except MissingFileError:
                        continue
                    done[table] = version, copies
        else:
            raise BackupError(
                f"{lakehouse.location}: tables changed {_ATTEMPTS} times while they were copied. Try again."
            )
        return {t: version for t, (version, _) in done.items()}, [one for _, copies in done.values() for one in copies]

    def _copied(
        self,
        wanted: Iterable[tuple[Part, Area, pafs.FileInfo]],
        former: Mapping[Part, Mapping[tuple[Area, str], FileEntry]],
        folder: Path,
    ) -> Iterator[tuple[Part, FileEntry]]:
        places = area_places(self.installation.settings)
        for part, area, info in wanted:
            place = places[area]
            try:
                if (base := place.folder) is not None and _is_sqlite(base / info.path):
                    yield part, self._stored(part, area, info.path, _compact(base / info.path, folder / "store"))
                else:
                    yield part, self._copy(part, area, place, info, former[part])
            except (MissingFileError, FileNotFoundError):
                continue  # deleted since it was listed, as conversations and answers are

    def _database(self, folder: Path) -> Iterator[tuple[Part, FileEntry]]:
        if self.installation.server is None:
            return
        from installation.backup.server_copy import dump

        for name in dump(self.installation.server, folder):
            part = part_of_table(name)
            assert part is not None
            yield part, self._stored(part, Area.DATABASE, name, folder / name)

    def _copy(
        self, part: Part, area: Area, place: Place, info: pafs.FileInfo, former: Mapping[tuple[Area, str], FileEntry]
    ) -> FileEntry:
        vault, known = self.vaults.of(part), former.get((area, info.path))
        same = known is not None and (known.size, known.mtime_ns) == (info.size, info.mtime_ns)
        # Secrets are small, and one may be replaced by another of its size within one tick of the clock.
        if known is not None and same and part is not Part.SECRETS and vault.known().issuperset(known.chunks):
            return known
        with place.opened(info.path) as stream:
            size, chunks = vault.write_chunks(stream)
        return FileEntry(area=area, path=info.path, size=size, mtime_ns=info.mtime_ns or 0, chunks=chunks)

    def _stored(self, part: Part, area: Area, path: str, copy: Path) -> FileEntry:
        with copy.open("rb") as stream:
            size, chunks = self.vaults.of(part).write_chunks(stream)
        copy.unlink()
        return FileEntry(area=area, path=path, size=size, mtime_ns=0, chunks=chunks)


def _is_anchor(one: tuple[Part, Area, pafs.FileInfo]) -> bool:
    return one[1] is Area.SECRET and one[2].path.endswith(".anchor")


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _compact(path: Path, copy: Path) -> Path:
    """Write a copy of an SQLite file as it is at one moment, without the bytes of deleted rows."""
    copy.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=30, isolation_level=None)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        raise BackupError(
            f"{path}: cannot be copied: {error}. Run `bojagi audit verify`, and restore the file."
        ) from error
    return copy


@contextmanager
def _alone(installation: Installation) -> Iterator[Path]:
    """Keep other backups out during the block, and yield an empty private folder for it."""
    data = installation.settings.data_dir
    create_private_folder(data)
    folder = data / WORK_FOLDER
    with file_lock(data / "backup.lock"), _machines_alone(installation):
        shutil.rmtree(folder, ignore_errors=True)
        create_private_folder(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _machines_alone(installation: Installation) -> Iterator[None]:
    if installation.server is None:
        yield
        return
    from installation.backup.server_copy import backup_lock

    with backup_lock(installation.server):
        yield
