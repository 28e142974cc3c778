"""The search of the audit log, a bounded part of it at a time, and the state of its chain."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from threading import Lock
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import State
from agent_serving.console.handling import add_page
from agent_serving.console.page_table import ROLES
from agent_serving.console.part import Grid, Note, Part
from agent_serving.console.privacy_tab import show_tab
from agent_serving.console.visit import Visit
from agent_serving.web.errors import FormRefused
from installation.contract.plain_name import readable
from privacy.access.pseudonym import log_pseudonym
from privacy.audit import AuditEntry, AuditLog, loggable
from privacy.audit_search import EXAMINED, FIELDS, AuditSearch, search_audit_log
from privacy.consent.record import is_opaque_id
from privacy.rights.wording import Wording
from privacy.storage.hash_chain import EMPTY, ChainFault, ChainHead

router = APIRouter(prefix="/console")
VERIFIED_AT_ONCE = 10_000
"""Entries whose chain one view of the start page verifies."""
OUTCOMES = {
    "allowed": State(Wording("allowed", "허용"), "good"), "refused": State(Wording("refused", "거부"), "warn"),
    "failed": State(Wording("failed", "실패"), "bad"),
}  # fmt: skip
ACTIONS = ("read", "view", "change", "build", "retrieve", "export", "disclose", "decrypt", "train", "restore")
_MOST_REASON = 120


@dataclass
class ChainWatch:
    """Verifies the log piece by piece, for all threads: `head` is the last entry that was verified."""

    head: ChainHead = EMPTY
    faults: list[ChainFault] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def go_on(self, log: AuditLog) -> None:
        """Verify the next entries. A fault stays; `bojagi audit verify` examines the whole log again."""
        with self.lock:
            if not self.faults:
                self.faults, self.head = log.verify_after(self.head, VERIFIED_AT_ONCE)


def chain_faults(visit: Visit) -> tuple[list[ChainFault], int, int]:
    """Return the faults that were found, how many entries were verified, and how many there are."""
    log = visit.console.installation.audit_log
    watch = visit.console.known("audit chain", None, ChainWatch)
    watch.go_on(log)
    return watch.faults, watch.head.number, log.size()


def show_audit(visit: Visit) -> Response:
    """Show the entries that a search finds, the newest first."""
    installation = visit.console.installation
    fields = {name: visit.query(name) for name in (*FIELDS, "since", "until")}
    if fields["subject"]:
        _note_search(visit, fields["subject"])
    search = AuditSearch(
        **{name: fields[name] for name in FIELDS}, since=_day(visit, "since", 0), until=_day(visit, "until", 1)
    )
    page = search_audit_log(installation.audit_log, search, _number(visit.query("below", 12)))
    parts: list[Part] = []
    faults, _, _ = chain_faults(visit)
    if faults:
        text = Wording(
            f"The audit log was changed: {faults[0].message}. Run `bojagi audit verify`.",
            f"감사 기록이 변경됨: {faults[0].message}. `bojagi audit verify`로 확인하십시오.",
        )
        parts.append(Note(text, "bad"))
    heads = (
        Wording("Entry", "번호"), Wording("When", "일시"), Wording("Who", "이용자"), Wording("Role", "역할"),
        Wording("Purpose", "목적"), Wording("Action", "행위"), Wording("Table", "테이블"),
        Wording("Persons", "인원"), Wording("Outcome", "결과"), Wording("Why", "사유"),
    )  # fmt: skip
    rows = [
        [number, one.at, one.who, ROLES.get(one.role, readable(one.role)), readable(one.purpose),
         readable(one.action), one.table, one.subjects, OUTCOMES[one.outcome], _short(one.reason)]
        for number, one in page.entries
    ]  # fmt: skip
    text = Wording(f"Uses of data, the newest first; the log has {page.size:,} entries",
                   f"데이터 이용 기록 (최신순, 전체 {page.size:,}건)")  # fmt: skip
    empty = Wording("No entry was found.", "해당하는 기록이 없습니다.")
    if page.below is not None and not rows:
        empty = Wording(f"Nothing in the newest {EXAMINED:,} entries. Go on to older ones.",
                        f"최근 {EXAMINED:,}건에는 없습니다. 이전 기록을 계속 검색하십시오.")  # fmt: skip
    choices = [
        ("role", Wording("Role", "역할"), dict(ROLES)),
        ("purpose", Wording("Purpose", "목적"),
         {name: visit.console.names.purpose(name) for name in installation.policy.purposes}),
        ("action", Wording("Action", "행위"), {one: Wording(readable(one), readable(one)) for one in ACTIONS}),
        ("outcome", Wording("Outcome", "결과"), {name: state.text for name, state in OUTCOMES.items()}),
    ]  # fmt: skip
    return show_tab(
        visit, "/privacy/audit", [*parts, Grid(text, heads, rows, empty)], search=fields, older=page.below,
        choices=choices, tables=sorted(one.table for one in installation.contracts.values()),
    )  # fmt: skip


def find_customer(visit: Visit) -> Response:
    """Lead to the entries about one customer. The address has the customer's pseudonym in the log."""
    customer = visit.value("customer", 80)
    if not is_opaque_id(customer):
        raise FormRefused(422, "customer", "expected a customer id")
    subject = log_pseudonym(visit.console.installation.pseudonym_key, customer)
    return visit.redirect(f"/privacy/audit?{urlencode({'subject': subject})}")


def _note_search(visit: Visit, subject: str) -> None:
    """Log that somebody looks at the entries about a customer, before they are read."""
    if not re.fullmatch(r"p_[0-9a-f]{32}", subject):
        raise FormRefused(422, "customer", "expected a customer id")
    installation, staff = visit.console.installation, visit.staff
    installation.audit_log.append(
        AuditEntry(
            at=installation.clock(), who=loggable(staff.name, 200), role=staff.role, purpose=staff.purpose,
            action="view", table="console/audit", subjects=1, identity="authenticated", subject=subject,
        )
    )  # fmt: skip


def _short(reason: str | None) -> str | None:
    """Return the beginning of a reason; `bojagi audit show` has the whole of it."""
    return reason if reason is None or len(reason) <= _MOST_REASON else f"{reason[:_MOST_REASON]}…"


def _day(visit: Visit, name: str, later: int) -> datetime | None:
    text = visit.query(name, 10)
    try:
        day = date.fromisoformat(text) + timedelta(days=later) if text else None
    except (ValueError, OverflowError):
        raise FormRefused(422, name, "expected a day such as 2026-11-30") from None
    zone = ZoneInfo(visit.console.installation.settings.time_zone)
    return None if day is None else datetime.combine(day, time(), zone)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


add_page(router, "GET", "/privacy/audit", show_audit, "privacy")
add_page(router, "POST", "/privacy/audit", find_customer, "privacy")
