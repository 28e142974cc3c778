"""The files that belong to no store of personal data. Those without a stated reason keep every erasure open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from installation.rights.file_store import FileStore
from installation.rights.owned_file import unowned_files
from installation.settings import Settings
from privacy.rights.subject import Subject
from privacy.rights.subject_store import SubjectStore, Verification

EXEMPT = {
    "*.lock": "An empty file that a process locks.",
    "secret:*.lock": "An empty file that a process locks.",
    "manifest.json": "The simulator's options, and names, sizes and digests of the files that it wrote.",
    "run_date.toml": "The reference date of a simulated folder.",
    "*.check": "A fingerprint of a secret, which is a keyed hash of no value.",
    "installation.id": "A random id of this installation.",
    "fetch/*.json": "Names, sizes and times of objects of buckets that were loaded.",
    "contracts/*": "Contracts of the installation's own sources.",
    "content/**": "What the shop offers: products, shops, facilities and answers, written by the shop.",
    "operation/*": "Alerts, and the version of Bojagi: names of jobs and tables, classes of errors and numbers.",
    "audience/*": "Rules over features and events, which name no customer.",
    "metric/*": "Counts by table, job, source and account.",
    "log/*": "The log of this program, which has no texts, and that of Apache Spark.",
    "place_page/*": "Public pages about places near the branches.",
    "search/**": "The search index, made from the content files alone.",
    "secret:token.key": "The secret of the matching keys.",
    "secret:suppression.db*": "Keyed hashes that keep erased persons out; without the key they name nobody.",
    "secret:partner_match/*": "The secret numbers of open matches with partners; they name nobody.",
    "secret:pseudonym.key": "The secret of the pseudonyms that roles read.",
}
"""The files without a store, each with the reason why no person is in it."""


@dataclass(frozen=True)
class OtherFiles(FileStore):
    """Searches the files without a store, and reports those that nobody has thought of, see `SubjectStore`.

    `owned`: the globs of all stores.
    """

    owned: tuple[Sequence[str], ...] = ()

    @classmethod
    def beside(cls, settings: Settings, stores: Iterable[SubjectStore]) -> OtherFiles:
        """Return the files of an installation that belong to none of the stores."""
        reason = "These files hold no personal data; each has a reason in the registry."
        return cls(settings, "other files", tuple(EXEMPT), reason, owned=tuple(store.paths for store in stores))

    def unowned(self) -> list[str]:
        """Return the files that belong to no store and are not exempt; `secret:` marks the secret folder."""
        return unowned_files(self.settings, self.owned, EXEMPT)

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Search the exempt files. A file without a store cannot be verified."""
        found = super().verify(subjects)
        nobodys = tuple(f"{name}: no store owns this file; register one, or state a reason" for name in self.unowned())
        return replace(found, unverifiable=(*found.unverifiable, *nobodys))
