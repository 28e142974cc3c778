"""Opens the sessions that the settings name: in a file, in PostgreSQL, or in a fleet's Redis."""

from __future__ import annotations

from datetime import timedelta

from agent_serving.conversation.session_store import FILE, SessionStore, SqlSessionStore
from installation.installation import Installation
from installation.private_text import read_private_text


def open_sessions(installation: Installation) -> SessionStore:
    """Return the store of sessions, to be closed by the caller. A fleet's Redis is that of its features.

    Raises:
        SettingsError: the file with the server's URL cannot be read, or other users may read it.
        ImportError: Redis is set and its client is not installed.
    """
    settings = installation.settings
    if settings.online_redis_file is None:
        return SqlSessionStore(installation.server or settings.data_dir / FILE)
    from agent_serving.conversation.redis_session_store import RedisSessionStore

    url = read_private_text(settings.online_redis_file, "online_redis_file").strip()
    return RedisSessionStore(url, settings.feature_project, timedelta(days=settings.chat.keep_days))
