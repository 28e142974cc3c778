"""Pages of a privacy officer: the queue of requests with their deadlines, and the decision on each."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.authentication.identity import Identity
from agent_serving.portal.handling import add_page
from agent_serving.portal.notice import NoticeKind
from agent_serving.portal.person_page import answer_file
from agent_serving.portal.request_form import stated_day
from agent_serving.portal.visit import Visit, officer_actor
from agent_serving.web.errors import FormRefused
from agent_serving.web.pass_store import PassKind
from privacy.rights.errors import RequestStateError, RightsError
from privacy.rights.request import DISCLOSING, Actor, Right

router = APIRouter(prefix="/portal/officer")
_ROWS = 100
"""Requests on one page of the queue."""
_AT_ONCE = DISCLOSING | {Right.OBJECTION, Right.RESTRICTION}
"""Rights that can be approved for several requests together. A correction or an erasure is looked at one by one."""
_OPEN = "open"


def _officer(visit: Visit) -> Identity:
    assert visit.officer is not None  # add_page has checked it
    return visit.officer


def _actor(visit: Visit) -> Actor:
    return officer_actor(_officer(visit))


def show_sign_in(visit: Visit) -> Response:
    """Show the form that takes an officer's key or token."""
    return visit.render("officer_sign_in", is_refused=False)


def sign_in(visit: Visit) -> Response:
    """Sign an officer in by an API key or a token of the provider. Both are checked again at every page."""
    credential = visit.value("key", 8000)
    if visit.portal.officer_of(credential) is None:
        return visit.render("officer_sign_in", 401, is_refused=True)
    visit.begin(PassKind.OFFICER, visit.portal.passes.issue(PassKind.OFFICER, {"credential": credential}))
    return visit.redirect("/officer")


def show_queue(visit: Visit) -> Response:
    """Show requests, open ones first, then by their last day."""
    query, service = visit.request.query_params, visit.portal.rights
    state, right = query.get("state", _OPEN), query.get("right", "")
    every = service.requests()
    chosen = [
        request for request in every
        if (request.state == state or state == "all" or (state == _OPEN and request.state.is_open))
        and right in ("", request.right)
    ]  # fmt: skip
    page = _number(query.get("page", "1"))
    shown = chosen[(page - 1) * _ROWS : page * _ROWS]
    due = Counter(service.deadline(request).urgency for request in every if request.state.is_open)
    return visit.render(
        "queue", rows=[(request, service.deadline(request)) for request in shown], state=state, right=right, due=due,
        found=len(chosen), page=page, pages=max(1, -(-len(chosen) // _ROWS)), open=sum(r.state.is_open for r in every),
        at_once=_AT_ONCE, done=_number(query.get("done", "0"), 0), failed=_number(query.get("failed", "0"), 0),
    )  # fmt: skip


def approve_chosen(visit: Visit) -> Response:
    """Approve the ticked requests. Each is decided by itself; those that cannot be approved stay as they are."""
    done = failed = 0
    for number in dict.fromkeys(visit.values("number")):
        try:
            if visit.portal.rights.request(number).right not in _AT_ONCE:
                raise RequestStateError("This right is approved on the page of the request.")
            _approve(visit, number)
            done += 1
        except RightsError:
            failed += 1
    return visit.redirect(f"/officer?done={done}&failed={failed}")


def show_request(visit: Visit) -> Response:
    """Show one request with what was asked, its history, and the steps that are possible now."""
    service = visit.portal.rights
    view = service.show(visit.path("number"))
    request, law = view.request, service.law(view.request)
    try:
        asked = service.asked(request)
    except RequestStateError:
        asked = None
    grounds = {name: ground for name, ground in law.grounds.items() if request.right in ground.rights}
    return visit.render(
        "officer_request", view=view, request=request, asked=asked, law=law, grounds=grounds,
        extension=law.extensions.get(request.right), done=visit.request.query_params.get("done", "")[:20],
    )  # fmt: skip


def verify(visit: Visit) -> Response:
    """Record that an identity or a mandate was verified."""
    method = visit.value("method")
    if len(method) < 3:
        raise FormRefused(422, "method", "expected how it was verified, in 3 or more characters")
    visit.portal.rights.verify_identity(
        visit.path("number"), method, _actor(visit), of=visit.value("of"), evidence=visit.value("evidence", 64) or None
    )
    return _shown(visit, "verified")


def approve(visit: Visit) -> Response:
    """Approve a request."""
    _approve(visit, visit.path("number"))
    return _shown(visit, "approved")


def refuse(visit: Visit) -> Response:
    """Refuse a request on a legal ground."""
    number, reason, service = visit.path("number"), visit.value("reason", 2000), visit.portal.rights
    contact = _contact(visit, number)
    refused = service.refuse(number, visit.value("ground"), _actor(visit), reason)
    visit.portal.notify(NoticeKind.REFUSED, refused, contact, reason)
    return _shown(visit, "refused")


def extend(visit: Visit) -> Response:
    """Extend the deadline of a request."""
    number, reason = visit.path("number"), visit.value("reason", 2000)
    extended = visit.portal.rights.extend(number, reason, _actor(visit), stated_day(visit, "until"))
    visit.portal.notify(NoticeKind.EXTENDED, extended, _contact(visit, number), reason)
    return _shown(visit, "extended")


def place_hold(visit: Visit) -> Response:
    """Forbid the erasure of the person's data until the hold is released."""
    service = visit.portal.rights
    customer = service.customer_of(service.request(visit.path("number")))
    service.holds.place(customer, visit.value("ground"), _actor(visit))
    return _shown(visit, "held")


def release_hold(visit: Visit) -> Response:
    """Release a legal hold."""
    visit.portal.rights.holds.release(visit.value("hold", 100), _actor(visit))
    return _shown(visit, "released")


def download(visit: Visit) -> Response:
    """Send the answer, for a person who asked by letter or at a counter."""
    number = visit.path("number")
    return answer_file(visit.portal.rights.answer(number, _actor(visit)), number)


def _approve(visit: Visit, number: str) -> None:
    approved = visit.portal.rights.approve(number, _actor(visit))
    visit.portal.notify(NoticeKind.APPROVED, approved, _contact(visit, number))


def _contact(visit: Visit, number: str) -> str | None:
    """Return the address for mails about a request; None if there is none, or not any more."""
    service = visit.portal.rights
    try:
        return service.asked(service.request(number)).contact
    except RequestStateError:
        return None


def _shown(visit: Visit, done: str) -> Response:
    return visit.redirect(f"/officer/requests/{visit.path('number')}?done={done}")


def _number(text: str, least: int = 1) -> int:
    return max(least, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else least


add_page(router, "GET", "/sign-in", show_sign_in)
add_page(router, "POST", "/sign-in", sign_in)
for _method, _path, _handler in (
    ("GET", "", show_queue),
    ("POST", "", approve_chosen),
    ("GET", "/requests/{number}", show_request),
    ("POST", "/requests/{number}/verify", verify),
    ("POST", "/requests/{number}/approve", approve),
    ("POST", "/requests/{number}/refuse", refuse),
    ("POST", "/requests/{number}/extend", extend),
    ("POST", "/requests/{number}/hold", place_hold),
    ("POST", "/requests/{number}/release", release_hold),
    ("POST", "/requests/{number}/answer", download),
):
    add_page(router, _method, _path, _handler, "officer")
