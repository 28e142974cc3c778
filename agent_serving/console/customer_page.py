"""The pages of one customer, and how one is found: by the identifier that the role sees, or by an exact number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.customer.identity import Steward, events, identity
from agent_serving.console.customer.section import SECTIONS, parts_of
from agent_serving.console.customer.timeline import timeline
from agent_serving.console.errors import DecisionRefused
from agent_serving.console.handling import add_page, note_view
from agent_serving.console.page_table import PAGES, STEWARD
from agent_serving.console.paging import paging_of
from agent_serving.console.part import Grid, Part
from agent_serving.console.subject import KINDS
from agent_serving.console.visit import Visit
from agent_serving.web.errors import FormRefused

router = APIRouter(prefix="/console")
MOST_REASON = 500


def show_search(visit: Visit) -> Response:
    """Show the form that finds a customer; with an identifier in the address, go to the customer."""
    if seen := visit.query("customer", 80):
        found = visit.console.subjects.find(seen, visit.staff)
        return visit.redirect(f"/customer/{found.seen}")
    return visit.render("customers", kinds=_kinds(visit), fault="")


def search(visit: Visit) -> Response:
    """Find a customer by an exact number. Each search is in the audit log, whether or not it finds somebody."""
    kind, value = visit.value("kind", 40), visit.value("value")
    if kind not in _kinds(visit):
        raise FormRefused(422, "kind", "the role may not look up customers by this number")
    visit.subject = visit.console.subjects.owner(kind, value) if value else None
    note_view(visit, "customer", "allowed", "find")
    if visit.subject is None:
        return visit.render("customers", 404, kinds=_kinds(visit), fault=kind)
    return visit.redirect(f"/customer/{visit.subject.seen}")


def show_timeline(visit: Visit) -> Response:
    """Show what happened in one month."""
    found = timeline(visit.reading, _month(visit), visit.query("kind", 60), visit.query("channel", 60))
    paging = paging_of(visit, sum(len(part.rows) for part in found.parts if isinstance(part, Grid)))
    return _show(visit, "customer_timeline", found.parts, timeline=found, paging=paging)


def show_section(key: str, visit: Visit) -> Response:
    """Show the sections of a page."""
    return _show(visit, key, parts_of(key, visit.reading))


def show_identity(visit: Visit) -> Response:
    """Show which records are the customer, and the forms of a steward."""
    return _identity(visit, "", 200)


def decide(visit: Visit) -> Response:
    """Record a steward's decision that another customer is the same person, or that a record is another person."""
    return _decided(visit, lambda: _steward(visit).decide(
        "same" if visit.value("verdict") == "same" else "different",
        visit.customer.customer_id, visit.value("other"), visit.value("reason", MOST_REASON),
    ))  # fmt: skip


def revert(visit: Visit) -> Response:
    """Record the decisions that undo one event of this customer."""
    event = visit.value("event", 40)
    if event not in {row["event_id"] for row in events(visit.reading)}:
        raise FormRefused(422, "event", "the customer has no such event")
    return _decided(visit, lambda: _steward(visit).revert(event, visit.value("reason", MOST_REASON)))


def _decided(visit: Visit, record: Callable[[], object]) -> Response:
    if visit.staff.role != STEWARD:
        raise FormRefused(403, "role", "only a data steward decides on identity")
    if not visit.reading.is_permitted:
        raise FormRefused(403, "purpose", "the customer does not permit the purpose of the session")
    try:
        record()
    except DecisionRefused as refused:
        return _identity(visit, str(refused), 422)
    return visit.redirect(f"/customer/{visit.customer.seen}/identity?done=1")


def _steward(visit: Visit) -> Steward:
    made = visit.console.steward_of
    if made is None:
        raise FormRefused(503, "steward", "this server records no decisions; start it by `bojagi serve`")
    return made(visit.staff.name)


def _identity(visit: Visit, fault: str, status: int) -> Response:
    reading = visit.reading
    may_decide = visit.staff.role == STEWARD and visit.console.steward_of is not None and reading.is_permitted
    undone = [row["event_id"] for row in events(reading)] if may_decide else []
    return _show(
        visit, "customer_identity", identity(reading), status, may_decide=may_decide, undone=undone, fault=fault,
        done=bool(visit.query("done", 1)),
    )  # fmt: skip


def _show(visit: Visit, key: str, parts: list[Part], status: int = 200, **content: object) -> Response:
    own = {name: page for name, page in PAGES.items() if page.is_of_person and visit.staff.role in page.roles}
    tabs = {"customer": PAGES["customer"], **own}
    more = {"timeline": None, "may_decide": False, "undone": [], "fault": "", "done": False, **content}
    return visit.render_parts(PAGES[key].title, parts, status, template="customer", tabs=tabs, tab=key, **more)


def _kinds(visit: Visit) -> dict[str, object]:
    """Return the kinds of numbers by which the role may look up a customer: none for a role that sees pseudonyms."""
    return {} if visit.console.subjects.is_pseudonymised(visit.staff) else dict(KINDS)


def _month(visit: Visit) -> date | None:
    text = visit.query("month", 10)
    try:
        return date.fromisoformat(f"{text[:7]}-01") if text else None
    except ValueError:
        raise FormRefused(422, "month", "expected a month such as 2026-11") from None


add_page(router, "GET", "/customer", show_search, "customer")
add_page(router, "POST", "/customer", search, "customer")
add_page(router, "GET", "/customer/{customer}", partial(show_section, "customer"), "customer", of_person=True)
add_page(router, "GET", PAGES["customer_timeline"].path, show_timeline, "customer_timeline", of_person=True)
for _key in SECTIONS.keys() - {"customer", "customer_timeline", "customer_identity"}:
    add_page(router, "GET", PAGES[_key].path, partial(show_section, _key), _key, of_person=True)
add_page(router, "GET", PAGES["customer_identity"].path, show_identity, "customer_identity", of_person=True)
add_page(router, "POST", "/customer/{customer}/identity", decide, "customer_identity", of_person=True)
add_page(router, "POST", "/customer/{customer}/identity/revert", revert, "customer_identity", of_person=True)
