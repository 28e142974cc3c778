"""The privacy officer's pages: consents, requests, budgets, releases, the audit log, and the record of processing."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import Link, Share, State
from agent_serving.console.chart import Chart, ChartKind, Figure
from agent_serving.console.handling import add_page
from agent_serving.console.paging import paging_of
from agent_serving.console.part import Grid, Note, Part
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from agent_serving.portal.words import RIGHTS, STATES, URGENCIES
from installation.contract.plain_name import readable
from installation.installation import Installation
from privacy.access.pseudonym import log_pseudonym
from privacy.clock import utc_now
from privacy.consent.overview import PurposeRate, consent_overview
from privacy.rights.deadline import Urgency
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
PERMISSIONS = "silver/permission"
PURPOSE = "legal_records"
"""The purpose for which permissions are counted, whatever the session is for: proof of consent is a legal duty."""
MONTHS, WITHIN = 12, timedelta(days=90)
MOST_ENTRIES = 50
TABS = {
    "": Wording("Consents", "동의"), "/requests": Wording("Requests", "요청"), "/budgets": Wording("Budgets", "예산"),
    "/releases": Wording("Releases", "공개 데이터"), "/audit": Wording("Audit log", "감사 기록"),
    "/processing": Wording("Record of processing", "처리 활동 기록"),
}  # fmt: skip
_URGENT = {Urgency.OVERDUE: "bad", Urgency.DUE_SOON: "warn"}


def show_consents(visit: Visit) -> Response:
    """Show how many customers permit each purpose, now and over the last year."""
    rates, moments = _rates(visit)
    if not rates:
        text = Wording(
            "No consents yet: run the pipeline first.", "동의 기록이 없습니다. 먼저 파이프라인을 실행하십시오."
        )
        return _page(visit, "", [Note(text)])
    names = visit.console.names
    columns = [Wording("Month", "월"), *(names.purpose(one.purpose) for one in rates)]
    months = [*(f"{moment:%Y-%m}" for moment in moments[:-1]), f"{moments[-1]:%Y-%m-%d}"]
    shares: list[list[str | Figure]] = [
        [month, *(round(one.shares[place] * 100, 1) for one in rates)] for place, month in enumerate(months)
    ]
    ended: list[list[str | Figure]] = [
        [month, *(one.ended[place] for one in rates)] for place, month in enumerate(months[1:])
    ]
    heads = (Wording("Purpose", "목적"), Wording("Permit it now", "현재 허용"),
             Wording("Of all customers", "전체 고객 대비"), Wording("Ended in 12 months", "12개월간 종료"),
             Wording("End in 90 days", "90일 내 만료"))  # fmt: skip
    rows = [
        [names.purpose(one.purpose), one.permitting, Share(one.shares[-1]), sum(one.ended), one.ending] for one in rates
    ]
    empty = Wording("No purpose rests on consent.", "동의에 근거한 목적이 없습니다.")
    return _page(visit, "", [
        Grid(Wording("Consents by purpose", "목적별 동의"), heads, rows, empty),
        Chart(ChartKind.LINE, Wording("Share of customers who permit, in %", "허용 고객 비율 (%)"),
              columns, shares, 18),
        Chart(ChartKind.STACK, Wording("Permissions that ended, by withdrawal or time",
              "철회나 기간 만료로 종료된 허용"),
              columns, ended, 18),
    ])  # fmt: skip


def show_requests(visit: Visit) -> Response:
    """Show requests by state and deadline; the decisions are made in the officer's queue of the portal."""
    found = list(_requests(visit.console.installation))
    states = Counter(request.state for request, _ in found)
    paging = paging_of(visit, len(found))
    rows = [
        [request.id, RIGHTS[request.right], State(STATES[request.state]), request.received_at, request.due_on,
         State(URGENCIES[deadline.urgency], _URGENT.get(deadline.urgency, "plain")) if request.state.is_open else None]
        for request, deadline in found
    ]  # fmt: skip
    heads = (Wording("Number", "번호"), Wording("Right", "권리"), Wording("State", "상태"), Wording("Received", "접수"),
             Wording("Due", "기한"), Wording("Urgency", "긴급도"))  # fmt: skip
    none = Wording("Nobody has made a request yet.", "아직 접수된 요청이 없습니다.")
    counts = [[State(STATES[state]), count] for state, count in sorted(states.items())]
    queue = Link(Wording("Decide in the officer's queue", "책임자 대기열에서 결정"), "/portal/officer")
    return _page(visit, "/requests", [
        Grid(Wording("Requests, open ones first", "요청 (처리 중인 것부터)"), heads, rows, none),
        Grid(Wording("By state", "상태별"), (Wording("State", "상태"), Wording("Requests", "건수")), counts, none),
    ], paging=paging, back=queue)  # fmt: skip


def show_budgets(visit: Visit) -> Response:
    """Show what each budget of differential privacy has spent and left."""
    heads = (Wording("Data set", "데이터"), Wording("Purpose", "목적"), Wording("Period", "기간"),
             Wording("Spent (ρ)", "사용 (ρ)"), Wording("Left (ρ)", "잔여 (ρ)"),
             Wording("Spent", "사용 비율"))  # fmt: skip
    rows = [
        [_any(account.dataset), _any(account.purpose), balance.period, balance.spent.rho, balance.left.rho,
         Share(_spent(balance))]
        for account, balance in _balances(visit.console.installation)
    ]  # fmt: skip
    empty = Wording(
        "No budget is set: `bojagi dp budget` sets one.", "예산이 없습니다. `bojagi dp budget`으로 설정하십시오."
    )
    chart: list[list[str | Figure]] = [
        [f"{row[0]} · {row[1]} · {row[2]}", round(float(row[3]), 6), round(float(row[4]), 6)] for row in rows
    ]
    parts: list[Part] = [Grid(Wording("Budgets of differential privacy", "차분 프라이버시 예산"), heads, rows, empty)]
    if chart:
        columns = (Wording("Budget", "예산"), Wording("spent", "사용"), Wording("left", "잔여"))
        parts.append(Chart(ChartKind.STACK, Wording("Spent and left, in ρ", "사용과 잔여 (ρ)"), columns, chart, 18))
    return _page(visit, "/budgets", parts)


def show_releases(visit: Visit) -> Response:
    """Show each anonymous release with its recipient, and risk and utility where a report is kept."""
    registry = visit.console.installation.release_registry()
    reports = _reports(visit.console.installation)
    rows = []
    for table in registry.tables():
        for one in reversed(registry.releases(table)):
            figures = reports.get(table, {})
            rows.append(
                [one.table, one.version, one.recipient, one.released_at, one.rows, one.classes, figures.get("risk"),
                 figures.get("utility")]
            )  # fmt: skip
    heads = (Wording("Release", "공개 데이터"), Wording("Version", "버전"), Wording("Recipient", "제공받는 자"),
             Wording("Released", "공개 일시"), Wording("Rows", "행"), Wording("Classes", "동질 집합"),
             Wording("Highest risk", "최고 재식별 위험"), Wording("Information kept", "정보 유지율"))  # fmt: skip
    empty = Wording("Nothing was released: `bojagi anonymize` makes a release.", "공개한 데이터가 없습니다.")
    return _page(visit, "/releases", [Grid(Wording("Releases, the newest first", "공개 데이터"), heads, rows, empty)])


def show_audit(visit: Visit) -> Response:
    """Show the newest entries of the audit log that meet the conditions."""
    return _audit(visit, None)


def search_audit(visit: Visit) -> Response:
    """Show the entries about a customer, whose id stands in no address."""
    return _audit(visit, visit.value("customer", 80))


def _audit(visit: Visit, customer: str | None) -> Response:
    installation = visit.console.installation
    fields = ("who", "role", "purpose", "table", "action", "outcome")
    read = visit.query if customer is None else visit.value
    wanted = {name: text for name in fields if (text := read(name))}
    exact = dict(wanted)
    if customer:
        exact["subject"] = log_pseudonym(installation.pseudonym_key, customer)
    below = visit.query("below", 12)
    page = installation.audit_log.newest(exact, MOST_ENTRIES, int(below) if below.isdecimal() else None)
    rows = [
        [one.at, one.who, readable(one.role), one.purpose, one.action, one.table,
         State(Wording(one.outcome, one.outcome), "plain" if one.outcome == "allowed" else "bad"), one.subjects,
         ", ".join(one.columns[:3]) + (" …" if len(one.columns) > 3 else "")]
        for _, one in page.entries
    ]  # fmt: skip
    heads = (Wording("When", "일시"), Wording("Who", "이용자"), Wording("Role", "역할"), Wording("Purpose", "목적"),
             Wording("Action", "행위"), Wording("Table", "테이블"), Wording("Outcome", "결과"),
             Wording("People", "인원"), Wording("Columns", "항목"))  # fmt: skip
    note = Wording(
        f"Entries from number {page.first:,} on were searched.", f"{page.first:,}번 이후의 기록을 검색했습니다."
    )  # fmt: skip
    grid = Grid(
        Wording("Entries, the newest first", "감사 기록"), heads, rows, Wording("No entry.", "기록이 없습니다.")
    )
    older = None if page.first <= 1 or customer is not None else visit.address(below=page.first)
    return _page(
        visit, "/audit", [grid, Note(note, "")], template="audit", wanted=wanted, fields=fields, older=older,
        customer=customer or "",
    )  # fmt: skip


def show_processing(visit: Visit) -> Response:
    """Show the record of processing activities, derived from the contracts that the pipeline enforces."""
    rows = _processing(visit)
    heads = (Wording("Data", "데이터"), Wording("Purposes", "목적"), Wording("Legal bases", "법적 근거"),
             Wording("Categories", "개인정보 항목"), Wording("Kept", "보유 기간"), Wording("Recipients", "제공받는 자"),
             Wording("Owner", "담당"))  # fmt: skip
    file = Link(Wording("Download as CSV", "CSV 내려받기"), "/console/privacy/processing.csv")
    title = Wording("Record of processing activities (GDPR art. 30)", "처리 활동 기록 (GDPR 제30조)")
    return _page(visit, "/processing", [Grid(title, heads, [list(row) for row in rows], _NONE)], back=file)


def send_processing(visit: Visit) -> Response:
    """Send every column of the data map as a CSV file."""
    rows = visit.console.installation.catalog.as_rows()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows({name: _csv_text(value) for name, value in row.items()} for row in rows)
    headers = {"Content-Disposition": 'attachment; filename="record_of_processing.csv"'}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def tiles(visit: Visit) -> list[Tile]:
    """Return what needs an officer today."""
    due = Counter(
        deadline.urgency for request, deadline in _requests(visit.console.installation) if request.state.is_open
    )
    late, soon, open_ = due[Urgency.OVERDUE], due[Urgency.DUE_SOON], sum(due.values())
    spent = [_spent(balance) for _, balance in _balances(visit.console.installation)]
    nearly = sum(one >= 0.9 for one in spent)
    rates, _ = _rates(visit)
    ending = sum(one.ending for one in rates)
    return [
        Tile(Wording("Open requests", "처리 중인 요청"), open_, "/privacy/requests",
             Wording(f"{late} overdue, {soon} due soon", f"기한 초과 {late}건, 임박 {soon}건"),
             "bad" if late else "warn" if soon else "good"),
        Tile(Wording("Budgets nearly spent", "소진 임박 예산"), nearly, "/privacy/budgets",
             kind="warn" if nearly else "good"),
        Tile(Wording("Consents that end in 90 days", "90일 내 만료되는 동의"), ending, "/privacy"),
    ]  # fmt: skip


_NONE = Wording("Nothing.", "없음")


def _page(visit: Visit, tab: str, parts: list[Part], **content: Any) -> Response:
    shown = {"template": "privacy", "tabs": TABS, "tab": tab, **content}
    return visit.render_parts(Wording("Privacy", "개인정보 보호"), parts, **shown)


def _rates(visit: Visit) -> tuple[list[PurposeRate], list[datetime]]:
    """Return the permissions by purpose at the starts of the last months, and now. Counted once a table's version."""
    installation = visit.console.installation
    now = installation.decision_moment().replace(microsecond=0)
    if not installation.lakehouse.exists(PERMISSIONS):
        return [], [now]
    moments = [*_months(now), now]

    def made() -> list[PurposeRate]:
        read = visit.reader.read(PERMISSIONS, visit.staff.role, PURPOSE, ["purpose", "from_at", "until_at", "verdict"])
        customers = installation.lakehouse.rows("silver/customer", ["customer_id"]).num_rows
        return consent_overview(read.frame, customers, moments, WITHIN)

    version = installation.lakehouse.version(PERMISSIONS)
    return visit.console.known(f"consents {moments[-1]:%Y-%m-%d}", version, made), moments


def _months(now: datetime) -> Iterator[datetime]:
    for back in range(MONTHS - 1, -1, -1):
        year, month = divmod(now.year * 12 + now.month - 1 - back, 12)
        yield datetime(year, month + 1, 1)


def _requests(installation: Installation) -> Iterator[tuple[Any, Any]]:
    if installation.has_requests:
        service = installation.rights_service()
        for request in service.requests():
            yield request, service.deadline(request)


def _balances(installation: Installation) -> Iterator[tuple[Any, Any]]:
    if installation.has_ledger:
        ledger, now = installation.ledger, utc_now()
        for account in ledger.accounts():
            for balance in ledger.balances(account, now):
                yield account, balance


def _spent(balance: Any) -> float:
    return float(balance.spent.rho / balance.limit.rho) if balance.limit.rho else 1.0


def _any(name: str) -> Wording | str:
    return Wording("all", "전체") if name == "*" else name


def _reports(installation: Installation) -> dict[str, dict[str, Any]]:
    """Return risk and utility of the reports that are kept beside releases, by the release's table."""
    found = {}
    for path in sorted((installation.settings.data_dir / "released").glob("*/report.json")):
        figures = json.loads(path.read_text("utf-8"))["figures"]
        found[path.parent.name] = {
            "risk": Share(figures["risk"]["after"]["highest_prosecutor"]),
            "utility": Share(1 - figures["utility"]["certainty_penalty"]),
        }
    return found


def _processing(visit: Visit) -> list[tuple[Any, ...]]:
    catalog, names = visit.console.installation.catalog, visit.console.names
    contracts = {one.table: one for one in visit.console.installation.contracts.values()}
    found = []
    for table in catalog.tables:
        columns = [one for one in catalog.columns(table) if one.is_personal]
        if columns and table in contracts:
            purposes = dict.fromkeys(purpose for one in columns for purpose in one.purposes)
            bases = dict.fromkeys(basis for one in columns for basis in one.legal_bases.values())
            categories = sorted({_category(one.category) for one in columns})
            found.append(
                (
                    names.table(contracts[table]), [names.purpose(one) for one in purposes],
                    [readable(one) for one in bases], ", ".join(categories), names.kept(contracts[table]),
                    [names.recipient(one) for one in columns[0].recipients], columns[0].owner,
                )
            )  # fmt: skip
    return found


def _category(name: str) -> str:
    """Return a category of the Data Privacy Vocabulary as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.partition(":")[2]).capitalize()


def _csv_text(value: Any) -> Any:
    """Return a value of a CSV file; a text that a spreadsheet would compute is quoted."""
    text = (
        "; ".join(value) if isinstance(value, tuple | list) else json.dumps(value) if isinstance(value, dict) else value
    )
    return f"'{text}" if isinstance(text, str) and text[:1] in ("=", "+", "-", "@") else text


_PAGES: dict[str, Callable[[Visit], Response]] = {
    "": show_consents, "/requests": show_requests, "/budgets": show_budgets, "/releases": show_releases,
    "/audit": show_audit, "/processing": show_processing, "/processing.csv": send_processing,
}  # fmt: skip
for _path, _handler in _PAGES.items():
    add_page(router, "GET", f"/privacy{_path}", _handler, "privacy")
add_page(router, "POST", "/privacy/audit", search_audit, "privacy")
