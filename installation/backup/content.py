"""Says what belongs to a backup: which files, in which part, and which can be made again.

bojagi backup   data/lakehouse/gold/…  → tables
data/audit/audit.db    → stores
data/landing/…         → live: an erasure removes rows, also in the backup
secret/keys.db         → secrets: an erasure destroys keys, also in the backup
data/online/…          → in no part: a run makes it again
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from installation.backup.place import MissingFileError, Place
from installation.backup.vault import Area, Part
from installation.rights.owned_file import is_matched

if TYPE_CHECKING:
    import pyarrow.fs as pafs

    from installation.settings import Settings

WORK_FOLDER = "backup"
"""Below the data folder: private copies of stores that are being written to the place; empty between backups."""
_MADE_AGAIN = (
    "dagster/*", "online/*", "search/*", "feature_repo/*", "quality/site/*", "log/*", "fetch/*", f"{WORK_FOLDER}/*",
    "*.lock", "*.db-wal", "*.db-shm", "*.db-journal", "*.sqlite-wal", "*.sqlite-shm",
    # Links and sign-ins of the portal must not work again after a restore.
    "serving/portal.db",
    # A restore must not bring back what a visitor has refused since. Devices repeat their answers with each event.
    "collector/visitor.db",
)  # fmt: skip
_STORES = (
    "audit/*", "consent/*", "dp/*", "released/*", "quality/*", "audience/*", "contracts/*", "content/*",
    "place_page/*", "operation/*", "metric/*", "*.check", "installation.id", "run_date.toml", "manifest.json",
)  # fmt: skip
"""What keeps no identifier in clear, and nothing that only a destroyed key makes unreadable."""
_DRAFT = re.compile(r"(^|/)\.[^/]+\.[0-9a-f]{8}$")
"""A file that `privacy.storage.atomic_file` is writing."""
LIVE_DOCUMENTS = "document@live"
"""The rows of the table `document` in which an erasure may change something: those of no store in `KEPT_DOCUMENTS`."""
KEPT_DOCUMENTS = ("releases", "inspections", "audiences", "operation", "secrets", "machines", "confirmations")
"""The stores of documents that belong to STORES, as the same ones in files do. `secrets`: fingerprints of keys."""
_DATABASE_PARTS = {
    **dict.fromkeys(("data_key", "store", "addition", "suppressed", "clean"), Part.SECRETS),
    **dict.fromkeys(("entry", "record", "membership", "taken", "document", "store_version"), Part.STORES),
    **dict.fromkeys(("dp_entry", "dp_limit", "dp_balance", "dp_answer"), Part.STORES),
}
"""The tables that do not belong to LIVE. A new one does, until it is stated that an erasure changes nothing in it."""
_TABLES_LEFT_OUT = ("alembic_version", "pass", "visitor_answer", "visitor_person", "waiting_event")
"""The tables of `serving/portal.db` and `collector/visitor.db`, for the same reasons."""
_LOG = re.compile(r"^(?P<table>.+)/_delta_log/(?P<version>\d{20})\.(json|checkpoint.*)$")
_IN_LOG = re.compile(r"^(?P<table>.+)/_delta_log/(?P<name>[^/]+)$")
_CLAIM = "_bojagi/claim"
"""The claim names the machine that works in the lakehouse; a restore writes it anew."""


def area_places(settings: Settings) -> dict[Area, Place]:
    """Return the folder or URL of each area."""
    options = settings.storage_options
    return {
        Area.LAKEHOUSE: Place(settings.lakehouse_root, options),
        Area.LANDING: Place(settings.landing_root or str(settings.landing_dir), options),
        Area.SECRET: Place(str(settings.secret_dir), options),
        Area.DATA: Place(str(settings.data_dir), options),
    }


def part_of_table(table: str) -> Part | None:
    """Return the part to which a table of PostgreSQL belongs; None if it is in no part."""
    if table in _TABLES_LEFT_OUT:
        return None
    return _DATABASE_PARTS.get(table, Part.LIVE)


def part_of_file(area: Area, path: str) -> Part | None:
    """Return the part to which a file of an area belongs; None if it is in no part."""
    if _DRAFT.search(path) or is_matched(path, ["*.lock"]):
        return None
    if area is Area.LANDING:
        return Part.LIVE
    if area is Area.SECRET:
        return None if is_matched(path, _MADE_AGAIN) else Part.SECRETS
    if is_matched(path, _MADE_AGAIN):
        return None
    return Part.STORES if is_matched(path, _STORES) else Part.LIVE


def own_files(settings: Settings) -> Iterator[tuple[Part, Area, pafs.FileInfo]]:
    """Yield every file of the landing, data and secret folders that belongs to a backup, with its part."""
    places = area_places(settings)
    folders = {area: place.folder for area, place in places.items() if place.folder is not None}
    for area in (Area.LANDING, Area.DATA, Area.SECRET):
        inner = [f for other, f in folders.items() if other != area and area in folders and f != folders[area]]
        for info in places[area].listed():
            path = folders[area] / info.path if area in folders else None
            if path is not None and any(path.is_relative_to(f) for f in inner if f.is_relative_to(folders[area])):
                continue
            if (part := part_of_file(area, info.path)) is not None:
                yield part, area, info


def table_versions(lakehouse: Place) -> dict[str, int]:
    """Return the newest version of each Delta table below the root, by its path."""
    versions: dict[str, int] = {}
    for info in lakehouse.listed():
        if (found := _LOG.match(info.path)) and found["table"] != _CLAIM:
            versions[found["table"]] = max(int(found["version"]), versions.get(found["table"], 0))
    return versions


def table_files(lakehouse: Place, versions: dict[str, int]) -> dict[str | None, list[pafs.FileInfo]]:
    """Return the files of each table at its version, by table; under None the files that belong to no table.

    They are listed after the versions were read: what a version needs was written before its log entry.
    """
    files: dict[str | None, list[pafs.FileInfo]] = {}
    for info in lakehouse.listed():
        table = _table_of(info.path, versions)
        if table == _CLAIM or info.path.startswith(f"{_CLAIM}/"):
            continue
        found = _IN_LOG.match(info.path)
        if (
            table
            and found
            and found["table"] == table
            and not _is_of(lakehouse, info.path, found["name"], versions[table])
        ):
            continue
        files.setdefault(table, []).append(info)
    return files


def _table_of(path: str, versions: dict[str, int]) -> str | None:
    parts = path.split("/")
    return next((t for n in range(len(parts), 0, -1) if (t := "/".join(parts[:n])) in versions), None)


def _is_of(lakehouse: Place, path: str, name: str, version: int) -> bool:
    """Return whether a file of a log belongs to this version or an earlier one."""
    if name[:20].isdigit():
        return int(name[:20]) <= version
    if name != "_last_checkpoint":
        return False
    try:
        return int(json.loads(lakehouse.read(path))["version"]) <= version
    except (MissingFileError, ValueError, KeyError):
        return False
