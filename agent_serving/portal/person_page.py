"""Pages of a signed-in person: the data that is stored, consents, requests and their answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from agent_serving.portal.consent_page import Notice, PurposeState, give, notice_of, purpose_states, withdraw
from agent_serving.portal.handling import add_page
from agent_serving.portal.notice import NoticeKind
from agent_serving.portal.request_form import choices_of, submission_of
from agent_serving.portal.stored_data import stored_tables
from agent_serving.portal.visit import Person, Visit
from agent_serving.web.errors import FormRefused
from privacy.consent.errors import UnknownPurposeError
from privacy.rights.errors import InvalidSubmissionError, UnknownRequestError
from privacy.rights.request import Right, State

router = APIRouter(prefix="/portal")
_METHOD = "one_time_link"


def _person(visit: Visit) -> Person:
    assert visit.person is not None  # add_page has checked it
    return visit.person


def show_data(visit: Visit) -> Response:
    """Show which data is stored about the person, and why."""
    portal, person = visit.portal, _person(visit)
    ids = portal.rights.log.ids(person.customer_id) or [person.customer_id]
    return visit.render("data", tables=stored_tables(portal.installation, portal.names, ids))


def show_consents(visit: Visit) -> Response:
    """Show every purpose, and whether it is allowed."""
    return visit.render("consents", purposes=_purposes(visit), done=visit.request.query_params.get("done", "")[:20])


def show_notice(visit: Visit) -> Response:
    """Show the notice about a purpose, with the button that consents."""
    return visit.render("consent", notice=_notice(visit), fault="")


def give_consent(visit: Visit) -> Response:
    """Record a consent."""
    notice, age = _notice(visit), visit.value("age", 3)
    if not age.isascii() or not age.isdigit() or int(age) > 150:
        return visit.render("consent", 422, notice=notice, fault="age")
    if int(age) < notice.least_age:
        return visit.render("consent", 422, notice=notice, fault="guardian")
    # The page as it is shown is the evidence; the record keeps its SHA-256 only.
    shown = bytes(visit.render("consent", notice=notice, fault="").body)
    give(
        visit.portal.installation, notice, _person(visit).customer_id, int(age), visit.language,
        visit.portal.country, shown,
    )  # fmt: skip
    return visit.redirect("/consents?done=given")


def withdraw_consent(visit: Visit) -> Response:
    """Record a withdrawal."""
    withdraw(visit.portal.installation, _person(visit).customer_id, visit.path("purpose"))
    return visit.redirect("/consents?done=withdrawn")


def show_requests(visit: Visit) -> Response:
    """Show the person's requests."""
    rights = visit.portal.rights
    found = [(one, rights.deadline(one)) for one in rights.requests_of(_person(visit).customer_id)]
    return visit.render("requests", requests=found)


def choose_right(visit: Visit) -> Response:
    """Show the rights that a person can exercise."""
    return visit.render("request_choice")


def show_form(visit: Visit) -> Response:
    """Show the form of one right."""
    return visit.render("request_form", **_form(visit), fault="")


def submit(visit: Visit) -> Response:
    """Submit a request. The sign-in by a link proves the person's identity."""
    person, right, service = _person(visit), _right(visit), visit.portal.rights
    try:
        submitted = service.submit(submission_of(visit, right, person), person.actor)
    except (ValidationError, FormRefused, InvalidSubmissionError) as error:
        # The page names the fields that it checks itself; other messages could repeat what was entered.
        fault = error.field if isinstance(error, FormRefused) else "form"
        return visit.render("request_form", 422, **_form(visit), fault=fault)
    if not submitted.is_duplicate:
        visit.portal.notify(NoticeKind.RECEIVED, submitted.request, person.address)
    if submitted.request.state is State.SUBMITTED:
        service.verify_identity(submitted.request.id, _METHOD, person.actor)
    return visit.redirect(f"/requests/{submitted.request.id}?{'again' if submitted.is_duplicate else 'new'}=1")


def show_request(visit: Visit) -> Response:
    """Show one request of the person, with its progress."""
    service, person = visit.portal.rights, _person(visit)
    view = service.show(visit.path("number"), person.customer_id)
    reason = service.refusal_text(view.request, visit.language) if view.request.state is State.REFUSED else ""
    query = visit.request.query_params
    return visit.render(
        "request", view=view, request=view.request, refusal=reason, is_new="new" in query, is_again="again" in query,
        law=service.law(view.request),
    )  # fmt: skip


def withdraw_request(visit: Visit) -> Response:
    """End a request that the person no longer wants."""
    person = _person(visit)
    visit.portal.rights.withdraw(visit.path("number"), person.actor, person.customer_id)
    return visit.redirect(f"/requests/{visit.path('number')}")


def download(visit: Visit) -> Response:
    """Send the answer to a request."""
    service, person, number = visit.portal.rights, _person(visit), visit.path("number")
    return answer_file(service.answer(number, person.actor, person.customer_id), number)


def answer_file(content: bytes, number: str) -> Response:
    """Return an answer as a file to be saved."""
    headers = {"Content-Disposition": f'attachment; filename="{number}.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


def _purposes(visit: Visit) -> list[PurposeState]:
    return purpose_states(visit.portal.installation, visit.portal.names, _person(visit).customer_id)


def _notice(visit: Visit) -> Notice:
    found = [one for one in _purposes(visit) if one.name == visit.path("purpose") and one.is_consent]
    if not found:
        raise UnknownPurposeError("No purpose of this name has a consent of its own.")
    portal = visit.portal
    return notice_of(portal.installation, portal.names, found[0], portal.country)


def _right(visit: Visit) -> Right:
    try:
        return Right(visit.path("right"))
    except ValueError as error:
        raise UnknownRequestError("There is no such right.") from error


def _form(visit: Visit) -> dict[str, Any]:
    right = _right(visit)
    return {"right": right, "choices": choices_of(visit, right), "purposes": _purposes(visit)}


for _method, _path, _handler in (
    ("GET", "/data", show_data),
    ("GET", "/consents", show_consents),
    ("GET", "/consents/{purpose}", show_notice),
    ("POST", "/consents/{purpose}", give_consent),
    ("POST", "/consents/{purpose}/withdraw", withdraw_consent),
    ("GET", "/requests", show_requests),
    ("GET", "/requests/new", choose_right),
    ("GET", "/requests/new/{right}", show_form),
    ("POST", "/requests/new/{right}", submit),
    ("GET", "/requests/{number}", show_request),
    ("POST", "/requests/{number}/withdraw", withdraw_request),
    ("POST", "/requests/{number}/answer", download),
):
    add_page(router, _method, _path, _handler, "person")
