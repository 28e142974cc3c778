"""The customer's requests under data protection law, and what was disclosed about the customer and to whom."""

from __future__ import annotations

from typing import Any

from agent_serving.console.cell import State
from agent_serving.console.customer.reading import CustomerReading
from agent_serving.console.page_table import PAGES, ROLES
from agent_serving.console.part import Grid, Note, Part
from agent_serving.portal.words import RIGHTS, STATES
from installation.contract.plain_name import readable
from privacy.access.pseudonym import log_pseudonym
from privacy.audit_search import AuditSearch, search_audit_log
from privacy.rights.wording import Wording

MOST_VIEWS = 50
DISCLOSURES, PROFILES = "silver/disclosure", "silver/sent_profile"
_NONE = Wording("No request.", "요청이 없습니다.")
_OUTCOMES = {"allowed": Wording("allowed", "허용"), "refused": Wording("refused", "거부")}


def requests(reading: CustomerReading) -> list[Part]:
    """Return the requests of the customer, the newest first, with their deadlines."""
    rows: list[list[Any]] = []
    if reading.installation.has_requests:
        rights = reading.installation.rights_service()
        for one in rights.requests_of(reading.subject.customer_id):
            kind = (
                "plain" if not one.state.is_open else "bad" if rights.deadline(one).business_days_left < 0 else "warn"
            )
            rows.append(
                [one.received_at, RIGHTS[one.right], State(STATES[one.state], kind), one.due_on, one.completed_at]
            )
    heads = (Wording("Received", "접수"), Wording("Right", "권리"), Wording("State", "상태"),
             Wording("Due", "기한"), Wording("Ended", "종료"))  # fmt: skip
    return [Grid(Wording("Requests", "요청"), heads, rows, _NONE)]


def disclosures(reading: CustomerReading) -> list[Part]:
    """Return what left the company about the customer, to whom and for which purpose, and who looked at the customer.

    The newest first. Views are those of staff on pages of this customer, from the audit log.
    """
    sent = reading.own(DISCLOSURES, order="disclosed_at")
    rows: list[list[Any]] = [
        [
            row["disclosed_at"],
            row["destination"],
            reading.names.purpose(row["purpose"]),
            row.get("audience"),
            row["content"],
        ]
        for row in sent.rows
    ]
    profiles = reading.own(PROFILES, order="changed_at")
    held = [[row["changed_at"], row["destination"], readable(row["status"])] for row in profiles.rows]
    parts: list[Part] = [
        Grid(
            Wording("Disclosed to others", "제3자 제공 내역"),
            (Wording("When", "일시"), Wording("To", "제공받는 자"), Wording("Purpose", "목적"),
             Wording("Audience", "오디언스"), Wording("What", "항목")),
            rows,
            Wording("Nothing was disclosed to others.", "제3자에게 제공된 내역이 없습니다."),
        ),
        Grid(
            Wording("Profiles that other programs hold", "외부 프로그램이 보유한 프로필"),
            (Wording("Changed", "변경 시각"), Wording("Program", "프로그램"), Wording("State", "상태")),
            held,
            Wording("No other program holds a profile.", "외부 프로그램이 보유한 프로필이 없습니다."),
        ),
    ]  # fmt: skip
    parts += [Note(own.refused) for own in (sent, profiles) if own.refused is not None]
    return [*parts, _views(reading)]


def _views(reading: CustomerReading) -> Grid:
    installation = reading.installation
    subject = log_pseudonym(installation.pseudonym_key, reading.subject.customer_id)
    found = search_audit_log(installation.audit_log, AuditSearch(subject=subject), rows=MOST_VIEWS)
    rows = [
        [
            one.at,
            one.who,
            ROLES[one.role] if one.role in ROLES else readable(one.role),
            reading.names.purpose(one.purpose),
            _page(one.table.removeprefix("console/")),
            _OUTCOMES.get(one.outcome, readable(one.outcome)),
        ]
        for _, one in found.entries
    ]
    return Grid(
        Wording("Who looked at this customer", "이 고객을 조회한 직원"),
        (Wording("When", "일시"), Wording("Who", "직원"), Wording("Role", "역할"), Wording("Purpose", "목적"),
         Wording("Page", "페이지"), Wording("Outcome", "결과")),
        rows,
        Wording("Nobody has looked.", "조회 기록이 없습니다."),
    )  # fmt: skip


def _page(key: str) -> Wording:
    if key == "customer":
        return Wording("Profile", "프로필")
    return PAGES[key].title if key in PAGES else Wording(readable(key), readable(key))
