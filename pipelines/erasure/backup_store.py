"""The store `backups`: what `bojagi backup` wrote, and copies of other programs that the settings name.

Identifiers in a copy die with the person's keys, which no backup of the data holds. What is left are pseudonymous rows.
The certificate names each copy and its expiry.

An erasure makes a new backup, and deletes the former landed files and keys from the places
(`installation.backup.vault.Part`). In copies of other programs nothing is changed: one that still shows an
identifier in clear, such as one of the landing folder, keeps the request open until it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from installation.backup.content import WORK_FOLDER, area_places
from installation.backup.creation import ID_FORMAT, KEPT_VERSIONS, Vaults, make_backup, open_vaults
from installation.backup.place import MissingFileError, Place
from installation.backup.vault import Part
from installation.installation import Installation
from installation.settings import Settings
from privacy.protection.scan.folder import scan_contents, scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.rights.subject import Subject
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification


@dataclass(frozen=True)
class BackupStore:
    """The backups that the settings name."""

    installation: Installation
    name: str = "backups"
    paths: tuple[str, ...] = (f"{WORK_FOLDER}/*",)

    @property
    def settings(self) -> Settings:
        """The settings, which name the places and copies."""
        return self.installation.settings

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return nothing: a copy has the rows of the other stores."""
        return []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: a copy has the rows of the other stores."""
        yield from ()

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """A restored copy is corrected when it is read."""
        return Outcome.not_applicable("Copies are not changed; after a restore corrections are applied again.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Nothing reads a copy."""
        return Outcome.not_applicable("Nothing reads a copy.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Replace the landed files and keys in our backups, and state which copies hold pseudonymous rows until when.

        Raises:
            BackupError: a place cannot be written; the request stays open.
        """
        expiries = {f"The backup {one.name} holds": one.expires_on for one in self.settings.backups}
        if self.settings.backup is not None:
            # With the tables: only their newest versions have what the law keeps under keys that are not destroyed.
            make_backup(self.installation)
            vaults, kept = open_vaults(self.settings), timedelta(days=self.settings.backup.keep_days)
            for one in (vaults.data, vaults.secrets):
                one.place.remove_former_versions()
            # The newest backup has no expiry of its own: the next one replaces it.
            made = [datetime.strptime(one, ID_FORMAT) for part in KEPT_VERSIONS for one in vaults.data.ids(part)]  # noqa: DTZ007
            expiries["Backups by `bojagi backup` hold"] = max(made).date() + kept
        if not expiries:
            return Outcome.not_applicable("The settings name no backup.")
        return Outcome.done(
            {"backups": len(expiries)},
            remaining=[
                f"{holders} rows without readable identifiers until {day.isoformat()}, when they are deleted. If one "
                "is restored, the rows are erased again."
                for holders, day in expiries.items()
            ],
        )

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Search each copy that can be read, and every file of our backups, for identifiers in clear."""
        needles = [needle for subject in subjects for needle in subject.needles]
        checked: list[CheckedPart] = []
        residues: set[str] = set()
        unverifiable: list[str] = []
        for one in self.settings.backups:
            if one.path is None or not needles:
                continue
            if not one.path.is_dir():
                unverifiable.append(f"backup {one.name}: its folder cannot be read; delete its entry or its path")
                continue
            report = scan_folders([one.path], Matcher(needles, self.settings.phone_region))
            residues |= {f"backup {one.name}: {found.needle} in clear" for found in report.findings}
            unverifiable += [f"backup {one.name}: {part.reason}" for part in report.undecoded]
            checked.append(CheckedPart(f"backup {one.name}", f"{report.files} files", ""))
        if self.settings.backup is not None and needles:
            vaults = open_vaults(self.settings)
            unverifiable += [fault for one in (vaults.data, vaults.secrets) for fault in one.place.former_versions()]
            own = scan_contents(_contents(vaults, self.settings), Matcher(needles, self.settings.phone_region))
            residues |= {f"backup place: {found.needle} in clear" for found in own.findings}
            unverifiable += [f"backup place: {part.reason}" for part in own.undecoded]
            checked.append(CheckedPart("backup place", f"{own.files} files of all backups", ""))
        return Verification(tuple(checked), tuple(sorted(residues)), tuple(sorted(set(unverifiable))))


def _contents(vaults: Vaults, settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Yield each file of every backup once, without secrets and files that are as in use: their stores verify those.

    Only a store can tell, for example, an e-mail address in a landed file from a longer one that ends with it.
    """
    seen: set[tuple[str, ...]] = set()
    places = area_places(settings)
    for manifest in vaults.data.manifests():
        for file in manifest.files:
            if file.chunks in seen:
                continue
            seen.add(file.chunks)
            content = b"".join(vaults.data.read_chunks(file.chunks))
            if manifest.part is not Part.LIVE or _in_use(places.get(file.area), file.path) != content:
                yield file.path, content


def _in_use(place: Place | None, path: str) -> bytes | None:
    """Return the content of a file of the installation; None if it is gone."""
    try:
        return None if place is None else place.read(path)
    except MissingFileError:
        return None
