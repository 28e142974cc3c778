"""Registers the console's pages: who may open one, and the entry in the audit log before a person's page is sent."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from agent_serving.console.errors import PageRefused
from agent_serving.console.page_table import PAGES
from agent_serving.console.viewing import log_view
from agent_serving.console.visit import Visit
from agent_serving.web.handling import register

Handler = Callable[[Visit], Response]


def add_page(
    router: APIRouter, method: str, path: str, handler: Handler, page: str | None, *, of_person: bool = False,
    without_purpose: bool = False,
) -> None:  # fmt: skip
    """Register a page.

    Args:
        router: gets the route; its prefix is `/console`.
        method: GET or POST.
        path: below `/console`.
        handler: returns the page.
        page: its key in `PAGES`, which says who may open it; None for a page before the sign-in.
        of_person: the page is about the customer of the part `{customer}` of its address. The customer is found before
            the handler runs (`Visit.customer`), and the view is in the audit log before the answer leaves.
        without_purpose: the page may be opened before the purpose of the session is stated.
    """

    def opened(request: Request) -> Visit:
        return Visit(request.app.state.services.console, request, page_key=page)

    def turned_away(visit: Visit) -> Response | None:
        if page is None or (visit.signed_in is not None and (visit.staff.purpose or without_purpose)):
            return None
        place = "/sign-in" if visit.signed_in is None else "/purpose"
        back = visit.here if method == "GET" else PAGES[page].path
        return visit.redirect(f"{place}?next={quote(back, safe='')}")

    def checked(visit: Visit) -> Response:
        if page is None:
            return handler(visit)
        if visit.staff.role not in PAGES[page].roles:
            if of_person:
                note_view(visit, page, "refused")
            raise PageRefused(f"The role {visit.staff.role} may not open the page {page}.")
        if not of_person:
            return handler(visit)
        visit.subject = visit.console.subjects.find(visit.path("customer"), visit.staff)
        answer = handler(visit)
        # Before the answer leaves: a view that cannot be logged raises, and the answer is dropped.
        note_view(visit, page, "allowed")
        return answer

    register(router, method, path, opened, checked, turned_away)


def note_view(visit: Visit, page: str, outcome: str, action: str | None = None) -> None:
    """Append the use of the customer of a visit to the audit log; `action` None is by the method of the request.

    Raises:
        AuditError: it cannot be logged, so nothing may be shown.
    """
    staff = visit.staff
    log_view(
        visit.console.installation, staff.name, staff.role, staff.purpose, page, visit.subject, outcome=outcome,
        action=action or ("view" if visit.request.method == "GET" else "change"), identity="authenticated",
    )  # fmt: skip
