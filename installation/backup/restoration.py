"""Restores a backup into an empty place: first everything beside the target, then renamed, so all of it or nothing.

The tables are those of the chosen backup. Stores, landed files and secrets are always the newest ones: an older copy
would forget withdrawals, spent budgets, erased persons and destroyed keys.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from installation.backup.content import area_places
from installation.backup.creation import Vaults, open_vaults
from installation.backup.place import BackupError, Place
from installation.backup.secrets_choice import Secrets
from installation.backup.vault import Area, FileEntry, Manifest, Part
from installation.database import open_server
from installation.lakehouse_claim import restore_claim
from privacy.storage.atomic_file import create_private_folder

if TYPE_CHECKING:
    from installation.settings import Settings
    from privacy.storage.postgres import PostgresServer

_WRITERS = 4
_ANCHOR, _LEDGER = ".anchor", "dp_ledger.anchor"
_STAGE = ".restoring"
"""Ending of the folder beside a target in which it is written."""


class AliveError(BackupError):
    """The target of a restore holds an installation already. Nothing was changed."""


@dataclass(frozen=True)
class RestoreReport:
    """What was restored. `moved`: where the folders of the former installation are now."""

    parts: Mapping[Part, Manifest]
    moved: tuple[Path, ...] = ()


@dataclass(frozen=True)
class RestorePlan:
    """What a restore does.

    Attributes:
        backup: id of the backup whose tables are restored; None takes the newest.
        secrets: which secrets are written.
        moves_aside: whether folders of a former installation are renamed. False refuses them.
    """

    backup: str | None = None
    secrets: Secrets = Secrets.RESTORE
    moves_aside: bool = False

    @property
    def has_secrets(self) -> bool:
        """Whether the whole secret folder is restored."""
        return self.secrets is Secrets.RESTORE


def restore(settings: Settings, plan: RestorePlan) -> RestoreReport:
    """Write the files and rows of a backup where the settings say.

    Raises:
        SettingsError: no place for backups is set, or its key is missing.
        AliveError: an installation is there already.
        BackupError: the backup is missing, incomplete or damaged. Nothing was changed.
    """
    vaults = open_vaults(settings)
    parts = _chosen(vaults, plan)
    server = _server(settings, parts[Part.STORES])
    targets = _Targets.of(settings, plan)
    targets.require_free(settings)
    if server is not None:
        from installation.backup.server_copy import require_empty

        require_empty(server.conninfo)
    try:
        _write_files(targets.places(settings), vaults, parts)
        if server is not None:
            _load_rows(server, vaults, parts)
        moved = targets.commit()
    finally:
        targets.remove_stages()
    if plan.secrets is Secrets.ACCEPT_LOSS:
        _restore_anchors(settings, vaults)
    if (claim := parts[Part.TABLES].claim) is not None:
        restore_claim(settings, claim)
    return RestoreReport(parts, moved)


def _chosen(vaults: Vaults, plan: RestorePlan) -> dict[Part, Manifest]:
    wanted = [part for part in Part if plan.has_secrets or part is not Part.SECRETS]
    parts = {part: found for part in wanted if (found := vaults.of(part).newest(part)) is not None}
    missing = [part for part in wanted if part not in parts]
    if missing:
        raise BackupError(
            f"{vaults.of(missing[0]).place.location}: has no {missing[0]} of a backup. Check place and secrets_place, "
            "or make a backup."
        )
    if plan.backup is not None:
        if plan.backup not in vaults.data.ids(Part.TABLES):
            raise BackupError(f"{vaults.data.place.location}: has no backup {plan.backup}. Run `bojagi backup list`.")
        parts[Part.TABLES] = vaults.data.manifest(Part.TABLES, plan.backup)
    return parts


def _server(settings: Settings, stores: Manifest) -> PostgresServer | None:
    server = open_server(settings, imports=True)
    if (server is None) != (stores.database is None):
        where = "in files" if stores.database is None else "in PostgreSQL"
        remedy = (
            "Remove the setting `database`, restore, set it again, then run `bojagi database import`."
            if stores.database is None
            else "Set `database` to an empty database."
        )
        raise BackupError(f"The stores of the backup are {where}, and those of the settings are not. {remedy}")
    return server


@dataclass(frozen=True)
class _Targets:
    """The folders that a restore fills: those that lie in no other one. `kept`: a secret folder that stays."""

    roots: tuple[Path, ...]
    kept: Path | None
    moves_aside: bool

    @classmethod
    def of(cls, settings: Settings, plan: RestorePlan) -> _Targets:
        places = area_places(settings)
        areas = [area for area in places if plan.has_secrets or area is not Area.SECRET]
        folders = {folder for area in areas if (folder := places[area].folder) is not None}
        roots = tuple(sorted(f for f in folders if not any(f != g and f.is_relative_to(g) for g in folders)))
        return cls(roots, None if plan.has_secrets else settings.secret_dir, plan.moves_aside)

    def require_free(self, settings: Settings) -> None:
        """Check that nothing is overwritten; object stores are never emptied here."""
        for place in area_places(settings).values():
            if place.folder is None and next(place.listed(), None) is not None:
                raise AliveError(
                    f"{place.location} holds files already, and a restore never overwrites them. Name an empty prefix "
                    "in lakehouse_root, or delete the files yourself."
                )
        if self.moves_aside:
            return
        for root in self.roots:
            if any(path.is_file() and not self._is_kept(path) for path in root.rglob("*")):
                raise AliveError(
                    f"{root} holds an installation already, and nothing was changed. If it is lost, run again with "
                    "--move-aside: the folder is renamed, not deleted."
                )

    def places(self, settings: Settings) -> dict[Area, Place]:
        """Return where each area is written: a folder's stage, or the object store itself."""
        self.remove_stages()
        return {
            area: place if place.folder is None else Place(str(self._staged(place.folder)), {})
            for area, place in area_places(settings).items()
        }

    def commit(self) -> tuple[Path, ...]:
        """Put the stages in their places, and return the new names of former folders."""
        moved = []
        for root in self.roots:
            stage = self._stage(root)
            create_private_folder(stage)
            if root.exists() and any(root.iterdir()):
                aside = root.with_name(f"{root.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
                root.rename(aside)
                if self.kept is not None and self.kept.is_relative_to(root):
                    former = aside / self.kept.relative_to(root)
                    if former.exists():
                        former.rename(stage / self.kept.relative_to(root))
                if any(path.is_file() for path in aside.rglob("*")):
                    moved.append(aside)
                else:
                    shutil.rmtree(aside)
            stage.rename(root)
        os.sync()
        return tuple(moved)

    def remove_stages(self) -> None:
        """Delete what a restore that was killed has left."""
        for root in self.roots:
            shutil.rmtree(self._stage(root), ignore_errors=True)

    def _staged(self, folder: Path) -> Path:
        for root in self.roots:
            if folder.is_relative_to(root):
                return self._stage(root) / folder.relative_to(root)
        return folder

    def _stage(self, root: Path) -> Path:
        return root.with_name(f".{root.name}{_STAGE}")

    def _is_kept(self, path: Path) -> bool:
        return self.kept is not None and path.is_relative_to(self.kept)


def _write_files(places: Mapping[Area, Place], vaults: Vaults, parts: Mapping[Part, Manifest]) -> None:
    files = [(part, file) for part, manifest in parts.items() for file in manifest.files if file.area in places]

    def write(one: tuple[Part, FileEntry]) -> None:
        part, file = one
        place = places[file.area]
        place.write(file.path, vaults.of(part).read_chunks(file.chunks), is_durable=False)
        if place.folder is not None and file.mtime_ns:
            os.utime(place.folder / file.path, ns=(file.mtime_ns, file.mtime_ns))

    # A table exists from its log on, so the log comes after the files that it names.
    for is_log in (False, True):
        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write, [one for one in files if ("/_delta_log/" in one[1].path) is is_log]))


def _restore_anchors(settings: Settings, vaults: Vaults) -> None:
    """Put the anchors of restored stores back to the backup; the stores in the secret folder were not restored."""
    folder = Place(str(settings.secret_dir), {})
    newest = vaults.secrets.newest(Part.SECRETS)
    for file in newest.files if newest else ():
        own = settings.secret_dir / file.path.removesuffix(_ANCHOR)
        if file.area is Area.SECRET and file.path.endswith(_ANCHOR) and file.path != _LEDGER and not own.exists():
            folder.write(file.path, vaults.secrets.read_chunks(file.chunks))


def _load_rows(server: PostgresServer, vaults: Vaults, parts: Mapping[Part, Manifest]) -> None:
    from installation.backup.server_copy import load

    rows: Sequence[tuple[Part, FileEntry]] = sorted(
        ((part, file) for part, manifest in parts.items() for file in manifest.files if file.area is Area.DATABASE),
        key=lambda one: one[1].path,
    )

    def tables() -> Iterator[tuple[str, Iterator[bytes]]]:
        for part, file in rows:
            yield file.path, vaults.of(part).read_chunks(file.chunks)

    load(server.conninfo, parts[Part.STORES].database or "", tables())
    server.close()
