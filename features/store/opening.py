"""Opens the online store that an installation's settings name."""

from __future__ import annotations

from features.store.lmdb_store import LmdbStore
from features.store.online_store import OnlineStore
from installation.installation import Installation

FOLDER = "online"
"""Folder of the embedded store in the data folder."""
PROJECT = "bojagi"
"""Project of the features that are served."""


def open_online_store(installation: Installation, *, verify: bool = True) -> OnlineStore:
    """Return the online store of an installation, to be closed by the caller. It is created if there is none.

    Args:
        installation: its data folder has the store.
        verify: whether all rows are read once before the store is used.

    Raises:
        StoreError: the store cannot be opened, or is damaged.
    """
    folder = installation.settings.data_dir / FOLDER
    return LmdbStore(folder, PROJECT, verify=verify, clock=installation.clock)
