"""Opens the online store that an installation's settings name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from features.store.lmdb_store import LmdbStore
from features.store.online_store import OnlineStore
from installation.errors import SettingsError
from installation.installation import Installation
from installation.private_text import read_private_text
from privacy.clock import utc_now


def open_online_store(installation: Installation, *, verify: bool = True) -> OnlineStore:
    """Return the online store of an installation, to be closed by the caller. It is created if there is none.

    Args:
        installation: its settings name the store and the project.
        verify: whether all rows of an embedded store are read once before the store is used.

    Raises:
        SettingsError: the file with the URL of the server cannot be read, or other users may read it.
        StoreError: the store cannot be opened, or is damaged.
    """
    settings = installation.settings
    location = str(settings.online_redis_file or settings.online_dir)
    is_server = settings.online_redis_file is not None
    return open_location(
        location, settings.feature_project, is_server=is_server, verify=verify, clock=installation.clock
    )


def open_location(
    location: str,
    project: str,
    *,
    is_server: bool = False,
    verify: bool = True,
    clock: Callable[[], datetime] = utc_now,
) -> OnlineStore:
    """Return the online store in a folder, or on the server whose URL is in a private file, see `open_online_store`."""
    path = Path(location).expanduser()
    if not is_server:
        return LmdbStore(path, project, verify=verify, clock=clock)
    try:
        # An extra, for fleets.
        from features.store.redis_store import RedisStore
    except ImportError as error:
        raise SettingsError("online_redis_file is set and redis is not installed; install bojagi[redis].") from error
    return RedisStore(read_private_text(path, "online_redis_file").strip(), project, clock=clock)
