"""States which files belong to no store of personal data, and why; finds those that nobody has thought of."""

from __future__ import annotations

from installation.installation import Installation
from installation.rights.owned_file import unowned_files
from pipelines.rights.registry import subject_stores

EXEMPT = {
    "*.lock": "An empty file that a process locks.",
    "secret:*.lock": "An empty file that a process locks.",
    "manifest.json": "The simulator's options, and names, sizes and digests of the files that it wrote.",
    "run_date.toml": "The reference date of a simulated folder.",
    "token.check": "A fingerprint of the token secret, which is a keyed hash of no value.",
    "contracts/*": "Contracts of the installation's own sources.",
    "secret:token.key": "The secret of the matching keys.",
    "secret:suppression.db*": "Keyed hashes that keep erased persons out; without the key they name nobody.",
    "secret:pseudonym.key": "The secret of the pseudonyms that roles read.",
}
"""The files without a store, each with the reason why no person is in it."""


def unowned(installation: Installation) -> list[str]:
    """Return the files of an installation that belong to no store and are not exempt, by name.

    A file below the secret folder starts with `secret:`.
    """
    owned = [store.paths for store in subject_stores(installation)]
    return unowned_files(installation.settings, owned, EXEMPT)
