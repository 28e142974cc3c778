"""The quality pages: refused files and quarantine first, then tables by their failed checks, freshness and consents."""

from __future__ import annotations

from datetime import UTC, date, datetime

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import Link, State
from agent_serving.console.chart import Chart, ChartKind, Figure
from agent_serving.console.errors import UnknownEntry
from agent_serving.console.handling import add_page
from agent_serving.console.paging import paging_of
from agent_serving.console.part import Grid, Note, Part
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from installation.contract.plain_name import readable
from installation.lakehouse.table_profile import latest_day
from installation.quality.check_result import TABLE, CheckResults, TableChecks, read_check_results
from installation.quality.quarantine_content import QUARANTINE, QuarantinedGroup, quarantined_groups, quarantined_items
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
MOST_RUNS = 60
"""Runs in the trend."""
_NOTHING = Wording("Nothing.", "없음")


def show_quality(visit: Visit) -> Response:
    """Show what is wrong with the data, the worst first."""
    checks, groups = _checks(visit), _groups(visit)
    files = [group for group in groups if group.is_refused_file]
    rows = [group for group in groups if not group.is_refused_file]
    parts: list[Part] = [_refused(visit, files), _quarantine(visit, rows), _tables(visit, checks)]
    if len(checks.runs) > 1:
        parts.append(_trend(checks))
    parts += [_freshness(visit), _unread(visit)]
    return visit.render_parts(Wording("Quality of the data", "데이터 품질"), parts)


def show_table(visit: Visit) -> Response:
    """Show the checks of one table that do not hold."""
    name = f"{visit.path('layer')}/{visit.path('table')}"
    found = next((one for one in _checks(visit).tables if one.table == name), None)
    if found is None:
        raise UnknownEntry("No checks of this table.")
    title = _title(visit, name)
    at, failed = f"{found.measured_at:%Y-%m-%d %H:%M} UTC", len(found.failed)
    text = Wording(
        f"{found.holding:,} checks hold, {failed:,} do not; checked at {at}.",
        f"검사 {found.holding:,}개 통과, {failed:,}개 실패. 검사 시각 {at}",
    )
    grid = Grid(
        Wording("Checks that do not hold", "실패한 검사"),
        (Wording("Check", "검사"), Wording("Kind", "종류"), Wording("Column", "항목"), Wording("Meaning", "의미"),
         Wording("Values against it", "어긋난 값"), Wording("Checked", "검사한 값")),
        [[readable(one.name), readable(one.kind), one.column, _severity(one.severity), one.unexpected, one.elements]
         for one in found.failed],
        Wording("All checks hold.", "모든 검사를 통과했습니다."),
    )  # fmt: skip
    return visit.render_parts(title, [Note(text), grid], back=Link(_BACK, "/console/quality"))


def tiles(visit: Visit) -> list[Tile]:
    """Return what is wrong with the data today."""
    checks, groups = _checks(visit), _groups(visit)
    files = sum(group.is_refused_file for group in groups)
    rows = sum(group.rows for group in groups if not group.is_refused_file)
    errors = sum(table.errors for table in checks.tables)
    warnings = sum(len(table.failed) - table.errors for table in checks.tables)
    return [
        Tile(Wording("Refused files", "거부된 파일"), files, "/quality", kind="bad" if files else "good"),
        Tile(Wording("Rows in quarantine", "격리된 행"), rows, "/quality", kind="warn" if rows else "good"),
        Tile(Wording("Failed checks", "실패한 검사"), errors + warnings, "/quality",
             kind="bad" if errors else "warn" if warnings else "good"),
    ]  # fmt: skip


_ALL = Wording("every purpose", "모든 목적")
_BACK = Wording("All tables", "모든 테이블")


def _checks(visit: Visit) -> CheckResults:
    lakehouse = visit.console.installation.lakehouse
    return visit.console.known("checks", lakehouse.version(TABLE), lambda: read_check_results(lakehouse))


def _groups(visit: Visit) -> list[QuarantinedGroup]:
    lakehouse = visit.console.installation.lakehouse
    return visit.console.known(
        "quarantine", lakehouse.version(QUARANTINE), lambda: quarantined_groups(quarantined_items(lakehouse))
    )


def _refused(visit: Visit, files: list[QuarantinedGroup]) -> Part:
    if not files:
        return Note(Wording("No file was refused.", "거부된 파일이 없습니다."), "good")
    heads = (Wording("File", "파일"), Wording("Source", "출처"), Wording("Why it was refused", "거부 이유"),
             Wording("When", "일시"), Wording("Since", "경과"))  # fmt: skip
    rows = [
        [State(Wording(one.file, one.file), "bad"), readable(one.source), one.reason, _utc(one.quarantined_at),
         _age(one.quarantined_at)]
        for one in files
    ]  # fmt: skip
    title = Wording("Refused files: nothing of them is loaded", "거부된 파일 (전혀 적재되지 않음)")
    return Grid(title, heads, rows, _NOTHING)


def _quarantine(visit: Visit, groups: list[QuarantinedGroup]) -> Part:
    heads = (Wording("Source", "출처"), Wording("File", "파일"), Wording("Column", "항목"), Wording("Reason", "이유"),
             Wording("Rows", "행"), Wording("Since", "경과"))  # fmt: skip
    paging = paging_of(visit, len(groups))
    ordered = sorted(groups, key=lambda one: -one.rows)[paging.first : paging.last]
    rows = [
        [readable(one.source), one.file, one.column, one.reason, one.rows, _age(one.quarantined_at)] for one in ordered
    ]
    total = sum(one.rows for one in groups)
    title = Wording(f"Quarantine: {total:,} rows that broke their contract", f"격리: 계약을 어긴 행 {total:,}건")
    return Grid(title, heads, rows, Wording("Quarantine is empty.", "격리된 행이 없습니다."))


def _tables(visit: Visit, checks: CheckResults) -> Grid:
    heads = (Wording("Table", "테이블"), Wording("State", "상태"), Wording("Failed", "실패"), Wording("Hold", "통과"),
             Wording("Checked", "검사 시각"))  # fmt: skip
    rows = [
        [Link(_title(visit, one.table), f"/console/quality/{one.table}"), _state(one), len(one.failed), one.holding,
         _utc(one.measured_at)]
        for one in checks.tables
    ]  # fmt: skip
    empty = Wording(
        "No checks yet: run the pipeline first.", "아직 검사 결과가 없습니다. 먼저 파이프라인을 실행하십시오."
    )
    return Grid(Wording("Tables, the worst first", "테이블 (문제가 큰 순서)"), heads, rows, empty)


def _trend(checks: CheckResults) -> Chart:
    rows: list[list[str | Figure]] = [
        [f"{run.measured_at:%m-%d %H:%M}", run.errors, run.warnings] for run in checks.runs[-MOST_RUNS:]
    ]
    columns = (Wording("Run", "실행"), Wording("errors", "오류"), Wording("warnings", "경고"))
    return Chart(ChartKind.LINE, Wording("Failed checks by run", "실행별 실패한 검사"), columns, rows, 12)


def _freshness(visit: Visit) -> Grid:
    installation = visit.console.installation
    today = installation.reference_date()
    found: list[tuple[Wording, date | None, int | None]] = []
    for contract in installation.contracts.sources:
        column = contract.touchpoint and contract.touchpoint.columns.get("event_time")
        if column and installation.lakehouse.exists(contract.table):
            day = latest_day(installation.lakehouse.delta(contract.table), column)
            found.append((visit.console.names.table(contract), day, None if day is None else (today - day).days))
    rows = [list(one) for one in sorted(found, key=lambda one: -(one[2] or 0))]
    heads = (
        Wording("Source", "출처"),
        Wording("Newest event", "최근 활동일"),
        Wording("Days before the reference date", "기준일까지 일수"),
    )
    title = Wording(f"Freshness on {today}", f"{today} 기준 최신성")
    return Grid(title, heads, rows, Wording("No source has events.", "활동이 있는 출처가 없습니다."))


def _unread(visit: Visit) -> Grid:
    found = visit.console.installation.consent_store.open_unread()
    rows = [
        [one.recorded_at, one.note, _ALL if one.purpose == "*" else visit.console.names.purpose(one.purpose)]
        for one in found
    ]
    heads = (
        Wording("Recorded", "기록 시각"),
        Wording("What could not be read", "판독하지 못한 내용"),
        Wording("Blocks", "차단되는 목적"),
    )
    title = Wording(f"Unread consents: {len(found):,}", f"판독하지 못한 동의: {len(found):,}건")
    return Grid(title, heads, rows, Wording("Every statement could be read.", "모든 의사 표시를 판독했습니다."))


def _title(visit: Visit, table: str) -> Wording:
    contracts = visit.console.installation.contracts
    layer = readable(table.partition("/")[0]).lower()
    known = {one.table: one for one in contracts.values()}
    if table not in known:
        return Wording(table, table)
    name = visit.console.names.table(known[table])
    return Wording(f"{name.en} ({layer})", f"{name.ko} ({layer})")


def _state(table: TableChecks) -> State:
    if table.errors:
        return State(Wording("stops what follows", "이후 작업 중단"), "bad")
    return State(Wording("warnings", "경고"), "warn") if table.failed else State(Wording("holds", "정상"), "good")


def _severity(severity: str) -> State:
    if severity == "error":
        return State(
            Wording("error: nothing is built from the table", "오류: 이 테이블로는 아무것도 만들지 않음"), "bad"
        )
    return State(Wording("warning", "경고"), "warn")


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _age(moment: datetime) -> Wording:
    seconds = (datetime.now(UTC) - _utc(moment)).total_seconds()
    days, hours = int(seconds // 86_400), int(seconds // 3_600)
    if days:
        return Wording(f"{days} days", f"{days}일")
    return Wording(f"{hours} hours", f"{hours}시간") if hours else Wording("less than an hour", "1시간 미만")


add_page(router, "GET", "/quality", show_quality, "quality")
add_page(router, "GET", "/quality/{layer}/{table}", show_table, "quality")
