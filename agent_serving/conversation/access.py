"""Opens sessions, and decides who continues one: the caller that opened it, or the page that has its token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_serving.authentication.identity import Identity
from agent_serving.conversation.session import Session, new_session_id, new_token
from agent_serving.conversation.session_store import SessionStore
from agent_serving.errors import AuthenticationFailed, ChatRefused
from agent_serving.search.document import Kind
from agent_serving.search.engine import SearchEngine
from agent_serving.search.errors import SearchUnavailable
from installation.agent_settings import ChatSettings
from privacy.consent.record import is_opaque_id

ROLE = "agent"
_SWEEP = timedelta(hours=1)
"""Old sessions are deleted at most so often."""
_KEY_OWNER = "api_key:"


@dataclass
class SessionAccess:
    """Opens and finds sessions.

    Attributes:
        sessions: the store.
        settings: of conversations.
        clock: returns the time in UTC.
        is_key_active: returns whether the API key with an id can be used now.
        search: tells which branches exist; None: not known.
    """

    sessions: SessionStore
    settings: ChatSettings
    clock: Callable[[], datetime]
    is_key_active: Callable[[str], bool]
    search: SearchEngine | None
    _swept_at: datetime | None = None

    def open(self, identity: Identity, customer: str | None, branch: str | None) -> tuple[Session, str]:
        """Open a session of a caller. Returns it with the token for a page.

        Raises:
            ChatRefused: the role may not, the customer id is malformed, or there is no such branch.
        """
        if identity.caller.role != ROLE:
            raise ChatRefused(
                403, "not_permitted", f"The role {identity.caller.role} may not open conversations; expected {ROLE}."
            )
        if customer is not None and not is_opaque_id(customer):
            raise ChatRefused(422, "invalid_customer", "The customer id is malformed; expected an id such as c_5kq.")
        chosen = self.branch(branch)
        now, token = self.clock(), new_token()
        self._sweep(now)
        session = Session(new_session_id(), identity.key, identity.caller, customer, chosen, now, now)
        self.sessions.add(session, token)
        return session, token

    def branch(self, asked: str | None) -> str:
        """Return the code of the branch that was asked for; without one, that of the settings.

        Raises:
            ChatRefused: there is no such branch.
        """
        chosen = asked or self.settings.branch
        if not self._exists(chosen):
            raise ChatRefused(
                404,
                "unknown_branch",
                f"There is no branch {chosen[:40]!r} here. Send the code of one, such as {self.settings.branch}.",
            )
        return chosen

    def of_caller(self, identity: Identity, session_id: str) -> Session:
        """Return the caller's session.

        Raises:
            ChatRefused: there is none with this id, it has expired, or another caller opened it: all the same answer.
        """
        session = self.sessions.get(session_id)
        if session is None or session.owner != identity.key or self._is_over(session):
            raise ChatRefused(404, "unknown_session", "There is no such conversation, or it has ended. Open a new one.")
        return session

    def of_token(self, token: str) -> Session:
        """Return the session of a page.

        Raises:
            AuthenticationFailed: the token is unknown or too old, or the key that opened the session was revoked.
        """
        session = self.sessions.by_token(token)
        if (
            session is None
            or self._is_over(session)
            or self.clock() - session.opened_at > timedelta(hours=self.settings.token_hours)
            or (session.owner.startswith(_KEY_OWNER) and not self.is_key_active(session.owner.removeprefix(_KEY_OWNER)))
        ):
            raise AuthenticationFailed("invalid_token", "The chat has ended. Open the page by a new link.")
        return session

    def _is_over(self, session: Session) -> bool:
        return self.clock() - session.last_at > timedelta(days=self.settings.keep_days)

    def _exists(self, branch: str) -> bool:
        # The operator named the branch of the settings, which need not have content yet.
        if self.search is None or branch == self.settings.branch:
            return True
        try:
            return bool(self.search.search("", (Kind.BRANCH,), branch, 1))
        except SearchUnavailable:
            # Without an index there is nothing to be found in any branch, and the turn says so.
            return True

    def _sweep(self, now: datetime) -> None:
        if self._swept_at is None or now - self._swept_at > _SWEEP:
            self._swept_at = now
            self.sessions.delete_before(now - timedelta(days=self.settings.keep_days))
