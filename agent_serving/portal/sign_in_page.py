"""Pages before the sign-in: the start page, the one-time link, and the state of a request by its number."""

from __future__ import annotations

from hashlib import sha256
from importlib import resources
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.portal.handling import add_page
from agent_serving.portal.visit import Visit
from agent_serving.web.handling import refuse_unknown
from agent_serving.web.page import STYLE_SHEET
from agent_serving.web.pass_store import PassKind
from privacy.rights.errors import RequestStoreError, UnknownRequestError
from privacy.rights.request import is_request_id

router = APIRouter(prefix="/portal")
CERTIFICATE_FOLDER = Path("rights") / "certificate"
"""Below the data folder."""
_CERTIFICATE_TYPES = {"pdf": "application/pdf", "json": "application/json"}
_STYLE_SHEET = STYLE_SHEET + resources.files(__package__).joinpath("static", "portal.css").read_bytes()
_STYLE_HEADERS = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}


def start(visit: Visit) -> Response:
    """Show the start page: the sign-in, or the way to the data of the signed-in person."""
    if visit.person is not None:
        requests = visit.portal.rights.requests_of(visit.person.customer_id)
        return visit.render("home", requests=requests)
    return visit.redirect("/officer") if visit.officer is not None else show_sign_in(visit)


def show_sign_in(visit: Visit) -> Response:
    """Show the form that asks for a link."""
    is_again = "again" in visit.request.query_params
    return visit.render("sign_in", is_set_up=visit.portal.post.is_set_up, is_again=is_again)


def ask_for_link(visit: Visit) -> Response:
    """Take an address. The page is the same for every address."""
    visit.portal.post.ask(visit.value("address", 254), visit.language)
    return visit.render("link_sent")


def show_link(visit: Visit) -> Response:
    """Show the button that signs in. Only the button uses the link up: programs that check mails open every link."""
    return visit.render("link", link_secret=visit.request.query_params.get("token", "")[:100])


def use_link(visit: Visit) -> Response:
    """Sign in with a one-time link."""
    content = visit.portal.passes.redeem(PassKind.LINK, visit.value("token", 100))
    if content is None:
        return visit.render("link_refused", 410)
    visit.begin(PassKind.PERSON, visit.portal.passes.issue(PassKind.PERSON, content, content["customer_id"]))
    return visit.redirect("")


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.end()
    return visit.redirect("/sign-in")


def show_status(visit: Visit) -> Response:
    """Show the form that asks for the number of a request."""
    return visit.render("status", request=None, is_unknown=False)


def find_status(visit: Visit) -> Response:
    """Show the state of a request by its number, which is a secret of 128 bits and leads to nothing personal."""
    number = visit.value("number", 100)
    try:
        if not is_request_id(number):
            raise UnknownRequestError("Not the form of a number.")
        return visit.render("status", request=visit.portal.rights.request(number), is_unknown=False)
    except UnknownRequestError:
        return visit.render("status", 404, request=None, is_unknown=True)


def send_certificate(visit: Visit) -> Response:
    """Send the certificate of a completed request by its number. It holds no personal data."""
    number, kind = visit.value("number", 100), visit.value("kind")
    request = visit.portal.rights.request(number)
    if request.certificate is None or kind not in _CERTIFICATE_TYPES:
        raise UnknownRequestError("The request has no such certificate.")
    installation = visit.portal.installation
    file = installation.settings.data_dir / CERTIFICATE_FOLDER / f"{number}.{kind}"
    installation.shared_files.fetch(file)
    content = file.read_bytes()
    if kind == "json" and sha256(content).hexdigest() != request.certificate:
        raise RequestStoreError("A certificate is not the one that the history records. Restore it.")
    headers = {"Content-Disposition": f'attachment; filename="{number}.{kind}"'}
    return Response(content, media_type=_CERTIFICATE_TYPES[kind], headers=headers)


async def style_sheet() -> Response:
    """Return the style sheet."""
    return Response(_STYLE_SHEET, media_type="text/css", headers=_STYLE_HEADERS)


router.add_api_route("/portal.css", style_sheet, methods=["GET"], include_in_schema=False)
add_page(router, "GET", "", start)
add_page(router, "GET", "/sign-in", show_sign_in)
add_page(router, "POST", "/sign-in", ask_for_link)
add_page(router, "GET", "/sign-in/link", show_link)
add_page(router, "POST", "/sign-in/link", use_link)
add_page(router, "POST", "/sign-out", sign_out)
add_page(router, "GET", "/status", show_status)
add_page(router, "POST", "/status", find_status)
add_page(router, "POST", "/certificate", send_certificate)
# Included after all others, by `application`.
unknown = APIRouter(prefix="/portal")
for _method in ("GET", "POST"):
    add_page(unknown, _method, "/{rest:path}", refuse_unknown)
