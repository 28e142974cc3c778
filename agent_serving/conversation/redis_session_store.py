"""The sessions of a fleet in Redis or Valkey. A session and its turns expire by themselves.

bojagi:chat:PROJECT:session:ID    hash: the session and its customer
bojagi:chat:PROJECT:turns:ID      list: its turns, the oldest first
bojagi:chat:PROJECT:token:DIGEST  id of the session of a page's token
bojagi:chat:PROJECT:customer:ID   set: ids of the customer's sessions
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter
from redis import Redis

from agent_serving.conversation.session import Session, Turn, read_turn, token_digest, write_turn

MOST_TURNS = 200
"""Turns that are kept of one session."""
_TIMEOUT_SECONDS = 5
_SESSION = TypeAdapter(Session)
# A session that is deleted while it is answered must not come back by its turn.
_APPEND = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'last_at', ARGV[1])
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
"""


class RedisSessionStore:
    """The sessions of one project on a server, see `SessionStore`. Threads may share it."""

    def __init__(self, url: str, project: str, keep: timedelta) -> None:
        """Connect to the server at the first use.

        Args:
            url: `redis://` or `rediss://`.
            project: name of the installation's project.
            keep: how long a session is kept after its last turn.
        """
        self._prefix, self._seconds = f"bojagi:chat:{project}", int(keep.total_seconds())
        self._client: Any = Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        )
        self._append: Any = self._client.register_script(_APPEND)

    def add(self, session: Session, token: str | None = None) -> None:
        """Add a session, see `SessionStore.add`."""
        with self._client.pipeline() as pipe:
            digest = token_digest(token) if token else ""
            content = {"session": _SESSION.dump_json(session), "last_at": session.last_at.isoformat(), "token": digest}
            pipe.hset(self._key("session", session.id), mapping=content)
            pipe.expire(self._key("session", session.id), self._seconds)
            if digest:
                pipe.set(self._key("token", digest), session.id, ex=self._seconds)
            if session.customer_id is not None:
                pipe.sadd(self._key("customer", session.customer_id), session.id)
            pipe.execute()

    def get(self, session_id: str) -> Session | None:
        """Return a session, see `SessionStore.get`."""
        text, last_at = self._client.hmget(self._key("session", session_id), "session", "last_at")
        if text is None:
            return None
        return _SESSION.validate_python({**orjson.loads(text), "last_at": last_at.decode()})

    def by_token(self, token: str) -> Session | None:
        """Return the session of a browser's token."""
        found = self._client.get(self._key("token", token_digest(token)))
        return None if found is None else self.get(found.decode())

    def turns(self, session_id: str, most: int) -> list[Turn]:
        """Return the last turns, the oldest first."""
        return [read_turn(text) for text in self._client.lrange(self._key("turns", session_id), -most, -1)]

    def append(self, session_id: str, turn: Turn) -> bool:
        """Add a turn, see `SessionStore.append`."""
        keys = [self._key("session", session_id), self._key("turns", session_id)]
        return bool(self._append(keys, [turn.at.isoformat(), write_turn(turn), MOST_TURNS, self._seconds]))

    def delete(self, session_id: str) -> bool:
        """Delete a session with its turns."""
        key = self._key("session", session_id)
        session, token = self.get(session_id), self._client.hget(key, "token")
        with self._client.pipeline() as pipe:
            pipe.delete(key, self._key("turns", session_id), self._key("token", (token or b"").decode()))
            if session is not None and session.customer_id is not None:
                pipe.srem(self._key("customer", session.customer_id), session_id)
            pipe.execute()
        return session is not None

    def of_customers(self, customer_ids: Sequence[str]) -> list[Session]:
        """Return the sessions of these customers."""
        ids = [i.decode() for c in customer_ids for i in self._client.smembers(self._key("customer", c))]
        found = [self.get(session_id) for session_id in ids]
        return [session for session in found if session is not None]

    def delete_before(self, last_at: datetime) -> int:
        """Do nothing: the server forgets a session when its time is over."""
        return 0

    def check(self) -> None:
        """Raise if the server does not answer.

        Raises:
            redis.exceptions.RedisError: it does not.
        """
        self._client.ping()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}:{kind}:{name}"
