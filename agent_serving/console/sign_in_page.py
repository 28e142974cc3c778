"""Sign-in of staff: by a one-time link of a local account, or at the provider; then the purpose of the session."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import quote, unquote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from agent_serving.authentication.staff_account import StaffAccount
from agent_serving.console.handling import add_page
from agent_serving.console.page_table import ROLES
from agent_serving.console.staff import session_of_account, session_of_provider
from agent_serving.console.static_file import send_file
from agent_serving.console.visit import Visit
from agent_serving.errors import AuthenticationFailed
from agent_serving.web.errors import FormRefused
from agent_serving.web.handling import refuse_unknown
from agent_serving.web.pass_store import PassKind
from agent_serving.web.site import open_passes
from installation.installation import Installation

router = APIRouter(prefix="/console")
_WAY = "bojagi_provider"
"""Cookie that binds a sign-in at the provider to the browser that began it."""


def show_sign_in(visit: Visit) -> Response:
    """Show the ways to sign in."""
    return _sign_in(visit)


def show_link(visit: Visit) -> Response:
    """Show the button that signs in. Only the button uses the link up: programs that check mails open every link."""
    return visit.render("link", link_secret=visit.query("token", 100))


def use_link(visit: Visit) -> Response:
    """Sign in with a one-time link."""
    content = visit.console.passes.redeem(PassKind.STAFF_LINK, visit.value("token", 100))
    account = None if content is None else visit.console.accounts.active(content["account"])
    if account is None:
        return visit.render("link_refused", 410)
    # The account owns its sessions, so that a revocation deletes them.
    secret = visit.console.passes.issue(PassKind.STAFF, session_of_account(account), account.id)
    visit.begin(PassKind.STAFF, secret)
    return visit.redirect("/purpose")


def go_to_provider(visit: Visit) -> Response:
    """Lead the browser to the provider."""
    if visit.console.provider is None or not visit.console.public_url:
        return refuse_unknown(visit)
    # Anyone may ask, and each asks the provider in turn.
    visit.count_stranger()
    address, kept = visit.console.provider.begin(_callback(visit))
    content = {**kept, "next": safe_place(visit.query("next", 2000))}
    visit.set_cookie(_WAY, visit.console.passes.issue(PassKind.PROVIDER, content), 900)
    return RedirectResponse(address, 303)


def come_back(visit: Visit) -> Response:
    """Sign in whom the provider has sent back. Each answer is taken once, and only from the browser that began."""
    visit.count_stranger()
    kept = visit.console.passes.redeem(PassKind.PROVIDER, visit.cookie(_WAY))
    visit.set_cookie(_WAY, "", 0)
    if visit.console.provider is None or kept is None:
        return _sign_in(visit, "provider")
    try:
        identity = visit.console.provider.finish(dict(visit.request.query_params), kept, _callback(visit))
    except AuthenticationFailed as error:
        visit.request.state.code = error.code
        return _sign_in(visit, "provider")
    if identity.caller.role not in ROLES:
        return _sign_in(visit, "role")
    visit.begin(PassKind.STAFF, visit.console.passes.issue(PassKind.STAFF, session_of_provider(identity)))
    return visit.redirect(f"/purpose?next={quote(kept['next'], safe='')}")


def show_purpose(visit: Visit) -> Response:
    """Show the purposes of the role, of which one is stated for the session."""
    return visit.render("purpose", next=safe_place(visit.query("next", 2000)))


def state_purpose(visit: Visit) -> Response:
    """Keep the purpose in the session."""
    purpose = visit.value("purpose", 100)
    if not visit.staff.may_state(purpose):
        raise FormRefused(422, "purpose", "expected one of the purposes of the role")
    content = visit.console.passes.read(PassKind.STAFF, visit.secret)
    if content is not None:
        visit.console.passes.change(PassKind.STAFF, visit.secret, {**content, "purpose": purpose})
    return visit.redirect(safe_place(visit.value("next", 2000)).removeprefix(visit.site.path))


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.end()
    return visit.redirect("/sign-in")


def link_for(installation: Installation, account: StaffAccount) -> str:
    """Return a link that signs an account in once, within 15 minutes.

    Raises:
        SiteUnavailable, SecretError: the store of links cannot be used.
    """
    with closing(open_passes(installation)) as passes:
        secret = passes.issue(PassKind.STAFF_LINK, {"account": account.id}, account.id)
    http, scheme = installation.settings.http, "http" if installation.settings.http.tls_certificate is None else "https"
    server = installation.settings.console.public_url or f"{scheme}://{http.host}:{http.port}"
    return f"{server}/console/sign-in/link?token={secret}"


def safe_place(address: str) -> str:
    r"""Return an address of the console as it is, and the start page for every other one.

    >>> safe_place("/console/customer/c_1?page=2"), safe_place("//evil.example"), safe_place("/console\\evil")
    ('/console/customer/c_1?page=2', '/console', '/console')
    """
    is_own = address == "/console" or address.startswith(("/console/", "/console?"))
    is_plain = address.isascii() and address.isprintable() and "\\" not in address and "//" not in address
    goes_up = any(set(part) == {"."} for part in unquote(address.partition("?")[0]).split("/"))
    return address if is_own and is_plain and not goes_up and "/console/sign-" not in address else "/console"


def _sign_in(visit: Visit, fault: str = "") -> Response:
    has_provider = visit.console.provider is not None and bool(visit.console.public_url)
    place = quote(safe_place(visit.query("next", 2000)), safe="")
    return visit.render("sign_in", 401 if fault else 200, has_provider=has_provider, fault_kind=fault, next=place)


def _callback(visit: Visit) -> str:
    return f"{visit.console.public_url}/console/sign-in/callback"


router.add_api_route("/static/{name}", send_file, methods=["GET"], include_in_schema=False)
add_page(router, "GET", "/sign-in", show_sign_in, None)
add_page(router, "GET", "/sign-in/link", show_link, None)
add_page(router, "POST", "/sign-in/link", use_link, None)
add_page(router, "GET", "/sign-in/provider", go_to_provider, None)
add_page(router, "GET", "/sign-in/callback", come_back, None)
add_page(router, "GET", "/purpose", show_purpose, "home", without_purpose=True)
add_page(router, "POST", "/purpose", state_purpose, "home", without_purpose=True)
add_page(router, "POST", "/sign-out", sign_out, "home", without_purpose=True)
# Included after all others, by `application`.
unknown = APIRouter(prefix="/console")
for _method in ("GET", "POST"):
    add_page(unknown, _method, "/{rest:path}", refuse_unknown, None)
