"""One request to a web site: its visitor, language and form, and the checks that protect a change.

A change (POST) is accepted only if it comes from a page of this site: by `Sec-Fetch-Site` or `Origin`, and by a form
token that is computed from the visitor's own cookie. A session gets a new cookie when it begins, so that nobody can
prepare one.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent_serving.web.errors import FormRefused
from agent_serving.web.pass_store import PassKind
from agent_serving.web.site import Site
from privacy.rights.wording import Language

MOST_FORM_BYTES = 64 * 1024
"""The largest form holds a statement of 4,000 characters, each up to nine bytes, and a few short fields."""
_MOST_FIELDS = 200
VISITOR, LANGUAGE = "bojagi_visitor", "bojagi_language"
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Characters that turn the direction of writing: they make a text read as another one."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The address of a page may hold a one-time link. Unlike `no-referrer`, forms still send their origin.
    "Referrer-Policy": "strict-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language",
}


@dataclass
class Visit:
    """A request with its visitor; used by one thread. Each site has a class of its own, which says who is signed in."""

    site: Site
    request: Request
    form: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    language: Language = "ko"
    secret: str = ""
    is_new: bool = False
    _cookies: dict[str, tuple[str, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.language = _language(self.request, self.cookie(LANGUAGE))

    def know_visitor(self) -> None:
        """Find who is signed in, and the visitor's secret.

        Raises:
            SiteUnavailable, ProviderUnavailable, DATABASE_ERRORS: sessions cannot be checked now.
        """
        kind, secret = _parts(self.cookie(self.site.session_cookie))
        if self.knows_session(kind, secret):
            self.secret = secret
            return
        self.secret = self.cookie(VISITOR)
        if len(self.secret) != 43:
            self.secret, self.is_new = secrets.token_urlsafe(32), True

    def knows_session(self, kind: str, secret: str) -> bool:
        """Note who is signed in by a pass; return whether somebody is."""
        raise NotImplementedError

    @property
    def is_signed_in(self) -> bool:
        """Whether somebody is signed in."""
        raise NotImplementedError

    @property
    def is_staff(self) -> bool:
        """Whether a page may explain an error in our words for staff."""
        raise NotImplementedError

    @property
    def home(self) -> str:
        """The address of the visitor's start page."""
        return self.site.path

    @property
    def form_token(self) -> str:
        """The token that this visitor's forms carry."""
        return hmac.new(self.site.secret, b"form\0" + self.secret.encode(), "sha256").hexdigest()

    @property
    def is_secure(self) -> bool:
        """Whether the browser sees an encrypted address."""
        return self.site.public_url.startswith("https:") or self.request.url.scheme == "https"

    def value(self, name: str, most: int = 200) -> str:
        """Return a field of the form without blanks around it; empty if it is missing.

        Raises:
            FormRefused: the field is longer than `most` characters, or holds control characters.
        """
        found = self.form.get(name, ("",))[-1].strip().replace("\r\n", "\n").translate(_DIRECTIONS)
        if len(found) > most:
            raise FormRefused(422, name, f"expected at most {most} characters, got {len(found)}")
        if any((ord(c) < 32 and c not in "\n\t") or ord(c) == 127 for c in found):
            raise FormRefused(422, name, "got a control character; expected text")
        return found

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, such as ticked boxes."""
        return tuple(text for text in self.form.get(name, ()) if text)

    def path(self, name: str) -> str:
        """Return a part of the address."""
        return str(self.request.path_params[name])

    def require_own_form(self) -> None:
        """Check that the form is a page of this site that was shown to this visitor.

        Raises:
            FormRefused: it is not.
        """
        headers = self.request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        public = self.site.public_url
        hosts = {headers.get("host"), urlsplit(public).netloc if public else None}
        is_foreign = site not in (None, "same-origin") or (origin is not None and urlsplit(origin).netloc not in hosts)
        given = self.form.get("form_token", ("",))[-1]
        if is_foreign or self.is_new or not hmac.compare_digest(given.encode(), self.form_token.encode()):
            raise FormRefused(403, "form_token", "the form is not from this page, or it is too old")

    def count_stranger(self) -> None:
        """Count a request without a session, by its network address.

        Raises:
            TooManyRequests: there were too many.
        """
        self.site.count_stranger(self.request.client.host if self.request.client else "")

    def begin(self, kind: PassKind, secret: str) -> None:
        """Start a session under a new cookie. A session before it ends."""
        self.end()
        self.secret = secret
        self._cookies[self.site.session_cookie] = (f"{kind}.{secret}", None)

    def end(self) -> None:
        """End the session of this visitor, if there is one."""
        _, secret = _parts(self.cookie(self.site.session_cookie))
        if secret:
            self.site.passes.end(secret)
        self._cookies[self.site.session_cookie] = ("", 0)

    def cookie(self, name: str) -> str:
        """Return a cookie of the request; empty without it."""
        return self.request.cookies.get(self._cookie_name(name), "")

    def set_cookie(self, name: str, value: str, seconds: int | None = None) -> None:
        """Set a cookie with the answer; None keeps it until the browser ends, 0 deletes it."""
        self._cookies[name] = (value, seconds)

    def redirect(self, path: str) -> Response:
        """Return the answer that leads to another page of the site, which the browser gets."""
        return RedirectResponse(f"{self.site.path}{path}", 303)

    def render(self, template: str, status: int = 200, **content: Any) -> Response:
        """Return a page."""
        everything = {"visit": self, "purpose_name": self.site.names.purpose, "entered": self.values, **content}
        text = self.site.pages.render(template, self.language, self.request.url.path, everything)
        return Response(text, status, media_type="text/html")

    def finish(self, response: Response) -> Response:
        """Add the headers that protect a page, and the cookies that this request sets."""
        for name, text in {"Content-Security-Policy": self.site.content_policy, **_HEADERS}.items():
            response.headers.setdefault(name, text)
        if self.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if self.is_new and self.site.session_cookie not in self._cookies:
            self._cookies[VISITOR] = (self.secret, None)
        if self.request.query_params.get("lang") in ("en", "ko"):
            self._cookies[LANGUAGE] = (self.language, 31536000)
        for name, (value, seconds) in self._cookies.items():
            response.set_cookie(
                self._cookie_name(name), value, max_age=seconds, path="/", secure=self.is_secure, httponly=True,
                samesite="lax",
            )  # fmt: skip
        return response

    def _cookie_name(self, name: str) -> str:
        # The prefix makes a browser refuse a cookie that another host or an unencrypted page has set.
        return f"__Host-{name}" if self.is_secure else name


def read_form(body: bytes, content_type: str) -> dict[str, tuple[str, ...]]:
    """Return the fields of a form.

    Raises:
        FormRefused: the body is too large, has too many fields, or is not a form.
    """
    if len(body) > MOST_FORM_BYTES:
        raise FormRefused(413, "form", f"expected at most {MOST_FORM_BYTES} bytes")
    if body and content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise FormRefused(415, "form", "expected application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise FormRefused(400, "form", "the form cannot be read") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _parts(cookie: str) -> tuple[str, str]:
    kind, _, secret = cookie.partition(".")
    return kind, secret


def _language(request: Request, cookie: str) -> Language:
    for wanted in (request.query_params.get("lang"), cookie):
        if wanted == "en" or wanted == "ko":
            return "en" if wanted == "en" else "ko"
    accepted = request.headers.get("accept-language", "")[:200].lower()
    first = accepted.partition(",")[0].strip()
    return "en" if first and not first.startswith("ko") else "ko"
