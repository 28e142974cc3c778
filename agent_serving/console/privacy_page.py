"""Pages of the privacy officer: consents, requests, privacy budgets and releases, and what needs action today."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.audit_page import chain_faults
from agent_serving.console.cell import Link, Share, State
from agent_serving.console.chart import Chart, ChartKind, Figure
from agent_serving.console.handling import add_page
from agent_serving.console.paging import paging_of
from agent_serving.console.part import Grid, Note, Part
from agent_serving.console.privacy_tab import show_tab
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from agent_serving.portal.words import CHANNELS, RIGHTS, STATES, URGENCIES, country
from installation.contract.plain_name import readable
from privacy.consent.overview import ENDING_DAYS, ConsentOverview, PurposeOverview, consent_overview
from privacy.dp.budget_account import EVERYTHING, BudgetAccount
from privacy.dp.errors import LedgerDamaged
from privacy.dp.ledger_answer import Balance
from privacy.rights.deadline import Deadline, Urgency
from privacy.rights.request import Request
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
NEARLY_SPENT = 0.8
"""Part of a budget from which on it counts as nearly spent."""
_KINDS = {Urgency.OVERDUE: "bad", Urgency.DUE_SOON: "warn", Urgency.ON_TIME: "good"}


def show_consents(visit: Visit) -> Response:
    """Show how many customers permit each purpose, over a year, what ends soon, and what was withdrawn."""
    found = _consents(visit)
    asked = [one for one in found.purposes if visit.console.installation.policy.taxonomy.consent_of(one.purpose)]
    if not found.known[-1]:
        text = Wording("No customer has stated anything yet. Statements come with the sources and the portal.",
                       "아직 의사 표시가 없습니다. 원천 데이터와 포털을 통해 접수됩니다.")  # fmt: skip
        return show_tab(visit, "/privacy", [Note(text)])
    now = found.known[-1]
    heads = (
        Wording("Purpose", "목적"), Wording("Permit it now", "현재 동의"), Wording("Share", "비율"),
        Wording("A year ago", "1년 전"), Wording("Ended this month", "이번 달 철회·거부"),
        *(Wording(f"Ends in {days} days", f"{days}일 내 만료") for days in ENDING_DAYS),
    )  # fmt: skip
    rows = [
        [_short(visit, one), one.permitted[-1], Share(one.permitted[-1] / now),
         Share(one.permitted[0] / found.known[0] if found.known[0] else None), one.ended[-1], *one.ending]
        for one in sorted(asked, key=lambda one: -one.permitted[-1])
    ]  # fmt: skip
    title = Wording(f"Consents of {now:,} customers with a statement", f"의사 표시를 한 고객 {now:,}명의 동의")
    note = Wording("The newest point is today; the others are month ends, for the customers as they are known today.",
                   "마지막 지점은 오늘이고 나머지는 월말이며, 현재 식별된 고객을 기준으로 합니다.")  # fmt: skip
    parts: list[Part] = [Grid(title, heads, rows, note), _rates(visit, found, asked), _ended(visit, found), Note(note)]
    return show_tab(visit, "/privacy", parts)


def show_requests(visit: Visit) -> Response:
    """Show open requests by their last day, and how many there are in each state."""
    found = _requests(visit)
    if not found:
        text = Wording("Nobody has made a request. Requests come by the portal, or by `bojagi rights submit`.",
                       "접수된 요청이 없습니다. 요청은 포털이나 `bojagi rights submit`로 접수됩니다.")  # fmt: skip
        return show_tab(visit, "/privacy/request", [Note(text)])
    counts = Counter((one.state, deadline.urgency if one.state.is_open else None) for one, deadline in found)
    states: list[list[str | Figure]] = [
        [STATES[state].text(visit.language), sum(number for (own, _), number in counts.items() if own == state),
         *(counts[state, urgency] if state.is_open else None for urgency in Urgency)]
        for state in STATES
    ]  # fmt: skip
    opened = [(one, deadline) for one, deadline in found if one.state.is_open]
    rows = [
        [Link(RIGHTS[one.right], f"/portal/officer/requests/{one.id}"), deadline.due_on,
         State(URGENCIES[deadline.urgency], _KINDS[deadline.urgency]), deadline.business_days_left, STATES[one.state],
         one.received_at, CHANNELS.get(one.channel), country(one.jurisdiction, visit.language)]
        for one, deadline in opened
    ]  # fmt: skip
    heads = (
        Wording("Request", "요청"), Wording("Last day", "기한"), Wording("Deadline", "기한 상태"),
        Wording("Business days left", "남은 영업일"), Wording("State", "처리 상태"), Wording("Received", "접수"),
        Wording("By", "접수 경로"), Wording("Law", "적용 국가"),
    )  # fmt: skip
    queue = Grid(Wording("Open requests, by their last day", "처리 중인 요청 (기한순)"), heads, rows,
                 Wording("No request is open.", "처리 중인 요청이 없습니다."))  # fmt: skip
    text = Wording("A request opens in the officer's queue of the portal, where it is decided.",
                   "요청을 누르면 포털의 담당자 화면에서 처리할 수 있습니다.")  # fmt: skip
    by_state = Chart(
        ChartKind.BAR, Wording("Requests by state", "상태별 요청"),
        (Wording("State", "상태"), Wording("all", "전체"), *(URGENCIES[urgency] for urgency in Urgency)),
        states, 12,
    )  # fmt: skip
    paging = paging_of(visit, len(rows))
    return show_tab(visit, "/privacy/request", [Note(text), queue, by_state], paging=paging)


def show_budgets(visit: Visit) -> Response:
    """Show what is spent and left of each privacy budget in its current period."""
    try:
        found = _balances(visit)
    except LedgerDamaged as error:
        text = Wording(f"The privacy ledger was changed: {error.message}",
                       f"프라이버시 원장이 변경되었습니다: {error.message}")  # fmt: skip
        return show_tab(visit, "/privacy/budget", [Note(text, "bad")])
    heads = (
        Wording("Data", "데이터"), Wording("Purpose", "목적"), Wording("Period", "기간"),
        Wording("Limit (ρ)", "한도 (ρ)"),
        Wording("Spent (ρ)", "사용 (ρ)"), Wording("Left (ρ)", "잔여 (ρ)"), Wording("Spent", "사용률"),
        Wording("State", "상태"),
    )  # fmt: skip
    rows = [
        [_dataset(visit, account), _budget_purpose(visit, account), _period(balance), balance.limit.rho,
         balance.spent.rho, balance.left.rho,
         Share(_part(balance)), _budget_state(balance)]
        for account, balance in sorted(found, key=lambda one: -_part(one[1]))
    ]  # fmt: skip
    note = Wording(
        "ρ measures how much all published statistics together can tell about one customer. What is spent returns with "
        "the next period.",
        "ρ는 공개된 통계 전체가 고객 한 명에 대해 드러낼 수 있는 정보의 양입니다. "
        "사용한 예산은 다음 기간에 다시 주어집니다.",
    )
    empty = Wording("No budget is set, so no statistics can be released. Set one by `bojagi dp budget`.",
                    "예산이 없어 통계를 공개할 수 없습니다. `bojagi dp budget`로 설정하십시오.")  # fmt: skip
    grid = Grid(Wording("Budgets, the most spent first", "예산 (사용률 높은 순)"), heads, rows, empty)
    return show_tab(visit, "/privacy/budget", [grid, Note(note)])


def show_releases(visit: Visit) -> Response:
    """Show the anonymous releases with their recipients, risk and utility."""
    registry = visit.console.installation.release_registry()
    rows: list[list[Any]] = []
    for table in registry.tables():
        releases = registry.releases(table)
        for one in reversed(releases):
            figures = _figures(visit, table) if one is releases[-1] else {}
            risk, utility = figures.get("risk", {}), figures.get("utility", {})
            rows.append(
                [readable(table.rpartition("/")[2]), one.version, one.recipient, one.released_at[:10], one.rows,
                 one.classes, Share(risk.get("before", {}).get("highest_prosecutor")),
                 Share(risk.get("after", {}).get("highest_prosecutor")),
                 Share(risk.get("after", {}).get("mean_prosecutor")), Share(utility.get("certainty_penalty")),
                 Share(utility.get("query_error_median"))]
            )  # fmt: skip
    heads = (
        Wording("Release", "공개 데이터"), Wording("Version", "버전"), Wording("Recipient", "제공받는 자"),
        Wording("Day", "공개일"), Wording("People", "인원"), Wording("Groups", "그룹"),
        Wording("Highest risk before", "처리 전 최고 위험"), Wording("Highest risk after", "처리 후 최고 위험"),
        Wording("Mean risk after", "처리 후 평균 위험"), Wording("Detail lost", "정보 손실"),
        Wording("Median error of a count", "집계 오차 (중앙값)"),
    )  # fmt: skip
    note = Wording(
        "Risk: the chance that somebody who knows a person finds that person in the release. Detail lost and error are "
        "0 % if nothing was changed. Figures are of the newest version.",
        "위험: 어떤 사람을 아는 이가 공개 데이터에서 그 사람을 찾아낼 확률입니다. "
        "정보 손실과 오차는 변경이 없을 때 0 %입니다. "
        "수치는 최신 버전 기준입니다.",
    )
    empty = Wording("Nothing was released. Dagster's job `release` makes the declared releases.",
                    "공개된 데이터가 없습니다. Dagster의 `release` 작업으로 만들 수 있습니다.")  # fmt: skip
    grid = Grid(Wording("Anonymous releases", "익명 공개 데이터"), heads, rows, empty)
    return show_tab(visit, "/privacy/release", [grid, Note(note)])


def tiles(visit: Visit) -> list[Tile]:
    """Return what needs the officer's action today."""
    due = Counter(deadline.urgency for one, deadline in _requests(visit) if one.state.is_open)
    late, soon = due[Urgency.OVERDUE], due[Urgency.DUE_SOON]
    ending = max((one.ending[1] for one in _consents(visit).purposes), default=0)
    return [
        Tile(Wording("Overdue requests", "기한이 지난 요청"), late, "/privacy/request",
             Wording(f"{soon:,} due soon", f"기한 임박 {soon:,}건"), "bad" if late else "warn" if soon else "good"),
        _chain_tile(visit), _budget_tile(visit),
        Tile(Wording("Consents that end within 30 days", "30일 내 만료되는 동의"), ending, "/privacy",
             Wording("of the purpose with the most", "가장 많은 목적 기준"), "warn" if ending else "good"),
    ]  # fmt: skip


def _chain_tile(visit: Visit) -> Tile:
    faults, verified, size = chain_faults(visit)
    value = Wording("changed", "변경됨") if faults else Wording("intact", "정상")
    note = Wording(f"{verified:,} of {size:,} entries verified", f"{size:,}건 중 {verified:,}건 확인")
    return Tile(Wording("Audit log", "감사 기록"), value, "/privacy/audit", note, "bad" if faults else "good")


def _budget_tile(visit: Visit) -> Tile:
    title = Wording("Budgets nearly spent", "소진 임박 예산")
    try:
        near = sum(_part(balance) >= NEARLY_SPENT for _, balance in _balances(visit))
    except LedgerDamaged:
        return Tile(
            Wording("Privacy ledger", "프라이버시 원장"), Wording("changed", "변경됨"), "/privacy/budget", kind="bad"
        )
    return Tile(title, near, "/privacy/budget", kind="warn" if near else "good")


def _consents(visit: Visit) -> ConsentOverview:
    """Return the overview of today; it is computed again when a statement was made, or on another day."""
    installation = visit.console.installation
    store, now = installation.consent_store, installation.decision_moment()

    def made() -> ConsentOverview:
        records, membership = store.decisive_table(), store.membership_table()
        return consent_overview(records, membership, installation.policy, installation.settings.controller, now)

    return visit.console.known("consents", hash((store.sequence(), now.date())), made)


def _requests(visit: Visit) -> list[tuple[Request, Deadline]]:
    if not visit.console.installation.has_requests:
        return []
    service = visit.console.installation.rights_service()
    return [(one, service.deadline(one)) for one in service.requests()]


def _balances(visit: Visit) -> list[tuple[BudgetAccount, Balance]]:
    installation = visit.console.installation
    if not installation.has_ledger:
        return []
    ledger, now = installation.ledger, installation.clock()
    return [(account, balance) for account in ledger.accounts() for balance in ledger.balances(account, now)]


def _rates(visit: Visit, found: ConsentOverview, asked: list[PurposeOverview]) -> Chart:
    rows: list[list[str | Figure]] = [
        [f"{moment:%Y-%m-%d}", *(round(100 * one.permitted[place] / known, 1) if known else None for one in asked)]
        for place, (moment, known) in enumerate(zip(found.moments, found.known, strict=True))
    ]
    title = Wording("Customers who permit each purpose, % of those with a statement", "목적별 동의 비율 (%)")
    columns = (Wording("Day", "날짜"), *(_short(visit, one) for one in asked))
    return Chart(ChartKind.LINE, title, columns, rows, 24)


def _ended(visit: Visit, found: ConsentOverview) -> Part:
    chosen = [one for one in found.purposes if any(one.ended)]
    if not chosen:
        return Note(Wording("Nobody withdrew or objected within a year.", "1년 동안 철회나 거부가 없습니다."), "good")
    rows: list[list[str | Figure]] = [
        [f"{moment:%Y-%m}", *(one.ended[place] for one in chosen)] for place, moment in enumerate(found.months)
    ]
    title = Wording("Withdrawals and objections, persons by month", "월별 철회·거부 (명)")
    return Chart(ChartKind.STACK, title, (Wording("Month", "월"), *(_short(visit, one) for one in chosen)), rows, 18)


def _short(visit: Visit, one: PurposeOverview) -> Wording:
    return Wording(readable(one.purpose), visit.console.names.purpose(one.purpose).ko)


def _dataset(visit: Visit, account: BudgetAccount) -> Wording:
    if account.dataset == EVERYTHING:
        return Wording("All data together", "전체 데이터 합계")
    known = {one.table: one for one in visit.console.installation.contracts.values()}
    found = known.get(account.dataset)
    return Wording(account.dataset, account.dataset) if found is None else visit.console.names.table(found)


def _period(balance: Balance) -> Wording:
    """Return the period, such as 2026-11; a budget for ever has none."""
    day = balance.period.rpartition(" ")[2]
    return Wording("for ever", "전체 기간") if day == "ever" else Wording(day, day)


def _budget_purpose(visit: Visit, account: BudgetAccount) -> Wording:
    if account.purpose in visit.console.installation.policy.taxonomy.purposes:
        return visit.console.names.purpose(account.purpose)
    return Wording("every purpose", "모든 목적")


def _part(balance: Balance) -> float:
    spent, limit = balance.spent, balance.limit
    parts = [s / m if m else float(s > 0) for s, m in
             ((spent.nano_rho, limit.nano_rho), (spent.atto_delta, limit.atto_delta))]  # fmt: skip
    return max(parts)


def _budget_state(balance: Balance) -> State:
    part = _part(balance)
    if part >= 1:
        return State(Wording("spent", "소진"), "bad")
    if part >= NEARLY_SPENT:
        return State(Wording("nearly spent", "소진 임박"), "warn")
    return State(Wording("available", "사용 가능"), "good")


def _figures(visit: Visit, table: str) -> dict[str, Any]:
    """Return the figures of the report of the newest version; empty if it was made without one."""
    name = table.rpartition("/")[2]
    path = visit.console.installation.settings.data_dir / "released" / name / "report.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))["figures"] if path.exists() else {}
    return found


for _path, _handler in (
    ("", show_consents), ("/request", show_requests), ("/budget", show_budgets), ("/release", show_releases),
):  # fmt: skip
    add_page(router, "GET", f"/privacy{_path}", _handler, "privacy")
