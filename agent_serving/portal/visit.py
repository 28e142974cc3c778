"""One request to the portal, and the person or officer who is signed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from starlette.responses import Response

from agent_serving.authentication.identity import Identity
from agent_serving.portal import words
from agent_serving.web import visit as web
from agent_serving.web.pass_store import PassKind
from privacy.rights.admission import PERSON
from privacy.rights.request import Actor
from privacy.rights.request_log import OFFICER

if TYPE_CHECKING:
    from agent_serving.portal.portal import Portal


@dataclass(frozen=True)
class Person:
    """A signed-in person. `repr` shows nothing personal."""

    customer_id: str = field(repr=False)
    address: str = field(repr=False)

    @property
    def actor(self) -> Actor:
        """The actor of the person's steps. It names no person, because it is logged."""
        return Actor(who="portal", role=PERSON, identity="authenticated")


@dataclass
class Visit(web.Visit):
    """A request to the portal with its visitor."""

    person: Person | None = None
    officer: Identity | None = None

    @property
    def portal(self) -> Portal:
        """The portal."""
        return cast("Portal", self.site)

    def knows_session(self, kind: str, secret: str) -> bool:
        """Note the signed-in person or officer; return whether there is one."""
        if kind == PassKind.PERSON and (content := self.site.passes.read(PassKind.PERSON, secret)):
            self.person = Person(content["customer_id"], content["address"])
        elif kind == PassKind.OFFICER and (content := self.site.passes.read(PassKind.OFFICER, secret)):
            self.officer = self.portal.officer_of(content["credential"])
        return self.is_signed_in

    @property
    def is_signed_in(self) -> bool:
        """Whether a person or an officer is signed in."""
        return self.person is not None or self.officer is not None

    @property
    def is_staff(self) -> bool:
        """Whether an officer is signed in."""
        return self.officer is not None

    @property
    def home(self) -> str:
        """The address of the visitor's start page."""
        return f"{self.site.path}/officer" if self.officer else self.site.path

    def render(self, template: str, status: int = 200, **content: Any) -> Response:
        """Return a page."""
        return super().render(template, status, country=lambda code: words.country(code, self.language), **content)


def officer_actor(identity: Identity) -> Actor:
    """Return the actor of an officer's steps."""
    return Actor(who=identity.caller.name[:200], role=OFFICER, identity="authenticated")
