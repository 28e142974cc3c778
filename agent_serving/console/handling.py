"""Registers the console's pages: who may open one, and the entry in the audit log before a person's page is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from agent_serving.console.errors import PageRefused, UnknownCustomer
from agent_serving.console.page_table import PAGES
from agent_serving.console.visit import Visit
from agent_serving.errors import StaffAccountError
from agent_serving.web.handling import register
from installation.errors import LakehouseError
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry, loggable, subject_pseudonym
from privacy.consent.errors import UnknownPurposeError
from privacy.rights.wording import Wording

Handler = Callable[[Visit], Response]
CASES: Mapping[type[Exception], tuple[int, Wording]] = {
    PageRefused: (
        403, Wording("Your role may not open this page.", "이 페이지를 열 수 있는 역할이 아닙니다.")
    ),
    AccessRefused: (
        403, Wording("Your role may not read this for the purpose of this session.",
                     "이 역할과 이용 목적으로는 읽을 수 없는 정보입니다.")
    ),
    UnknownCustomer: (
        404, Wording("There is no such customer. Identifiers of another role or purpose do not work here.",
                     "해당 고객이 없습니다. 다른 역할이나 목적의 식별자는 사용할 수 없습니다.")
    ),
    UnknownPurposeError: (404, Wording("There is no such purpose.", "해당 이용 목적이 없습니다.")),
    LakehouseError: (
        503, Wording("A table that this page shows does not exist yet. Run the pipeline first.",
                     "이 페이지에 필요한 테이블이 아직 없습니다. 먼저 파이프라인을 실행해 주십시오.")
    ),
    StaffAccountError: (
        503, Wording("The accounts cannot be read now.", "지금은 계정 정보를 읽을 수 없습니다.")
    ),
}  # fmt: skip
EXPLAINED = (AccessRefused, LakehouseError, PageRefused)
"""Errors whose message may be shown: it names tables, columns, roles and purposes, and no person."""


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
                _note(visit, page, "refused")
            raise PageRefused(f"The role {visit.staff.role} may not open the page {page}.")
        if not of_person:
            return handler(visit)
        visit.subject = visit.console.subjects.find(visit.path("customer"), visit.staff)
        answer = handler(visit)
        # Before the answer leaves: a view that cannot be logged raises, and the answer is dropped.
        _note(visit, page, "allowed")
        return answer

    register(router, method, path, opened, checked, turned_away)


def _note(visit: Visit, page: str, outcome: str) -> None:
    installation, found = visit.console.installation, visit.subject
    installation.audit_log.append(
        AuditEntry(
            at=installation.clock(), who=loggable(visit.staff.name, 200), role=visit.staff.role,
            purpose=visit.staff.purpose, action="view" if visit.request.method == "GET" else "change",
            table=f"console/{page}", subjects=None if found is None else 1, outcome=outcome, identity="authenticated",
            subject=None if found is None else subject_pseudonym(installation.pseudonym_key, found.customer_id),
        )
    )  # fmt: skip
