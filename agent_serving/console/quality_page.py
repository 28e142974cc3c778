"""The quality pages: refused files and quarantine first, then tables by their failed checks, freshness and consents."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import quote

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
_NOTHING = Wording("Nothing.", "없음")
_NO_ROWS = Wording("Quarantine is empty.", "격리된 행이 없습니다.")
_NEW = Wording("less than an hour", "1시간 미만")


def show_quality(visit: Visit) -> Response:
    """Show what is wrong with the data, the worst first."""
    checks, groups = _checks(visit), _groups(visit)
    files = [group for group in groups if group.is_refused_file]
    parts: list[Part] = [_refused(visit, files), _sources(visit, _rows(groups)), _tables(visit, checks)]
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
    failed = len(found.failed)
    at = {language: visit.console.pages.moment(_utc(found.measured_at), language) for language in ("en", "ko")}
    text = Wording(
        f"{found.holding:,} checks hold, {failed:,} do not; checked at {at['en']}.",
        f"검사 {found.holding:,}개 통과, {failed:,}개 실패. 검사 시각: {at['ko']}",
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
    files = sorted((one for one in groups if one.is_refused_file), key=lambda one: one.quarantined_at)
    quarantined = sorted(_rows(groups), key=lambda one: one.quarantined_at)
    rows = sum(group.rows for group in quarantined)
    last = Wording(f"newest: {quarantined[-1].file}", f"최근: {quarantined[-1].file}") if quarantined else None
    newest = Wording(files[-1].file, files[-1].file) if files else None
    errors = sum(table.errors for table in checks.tables)
    warnings = sum(len(table.failed) - table.errors for table in checks.tables)
    return [
        Tile(Wording("Refused files", "거부된 파일"), len(files), "/quality", newest, "bad" if files else "good"),
        Tile(Wording("Rows in quarantine", "격리된 행"), rows, "/quality/quarantine", last,
             "warn" if rows else "good"),
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


def _rows(groups: list[QuarantinedGroup]) -> list[QuarantinedGroup]:
    return [group for group in groups if not group.is_refused_file]


def _source(visit: Visit, name: str) -> Wording:
    """Return the title of a source; one without a contract any more keeps its name."""
    contract = next((one for one in visit.console.installation.contracts.sources if one.name == name), None)
    return visit.console.names.table(contract) if contract else Wording(readable(name), readable(name))


def _refused(visit: Visit, files: list[QuarantinedGroup]) -> Part:
    if not files:
        return Note(Wording("No file was refused.", "거부된 파일이 없습니다."), "good")
    heads = (Wording("File", "파일"), Wording("Source", "출처"), Wording("Why it was refused", "거부 이유"),
             Wording("When", "일시"), Wording("Since", "경과"))  # fmt: skip
    rows = [
        [State(Wording(one.file, one.file), "bad"), _source(visit, one.source), one.reason, _utc(one.quarantined_at),
         _age(visit, one.quarantined_at)]
        for one in sorted(files, key=lambda one: one.quarantined_at, reverse=True)
    ]  # fmt: skip
    title = Wording("Refused files: nothing of them is loaded", "거부된 파일 (전혀 적재되지 않음)")
    return Grid(title, heads, rows, _NOTHING)


def _sources(visit: Visit, groups: list[QuarantinedGroup]) -> Part:
    heads = (Wording("Source", "출처"), Wording("Rows", "행"), Wording("Files", "파일"),
             Wording("Most frequent reason", "가장 많은 이유"), Wording("Oldest", "가장 오래된 행"))  # fmt: skip
    by_source: dict[str, list[QuarantinedGroup]] = {}
    for group in groups:
        by_source.setdefault(group.source, []).append(group)
    counted = sorted(((sum(one.rows for one in of), name, of) for name, of in by_source.items()), reverse=True)
    rows = [
        [Link(_source(visit, name), f"/console/quality/quarantine?source={quote(name, safe='')}"), count,
         len({one.file for one in of}), of[0].reason, _age(visit, min(one.quarantined_at for one in of))]
        for count, name, of in counted
    ]  # fmt: skip
    total = sum(count for count, _, _ in counted)
    title = Wording(f"Quarantine: {total:,} rows that broke their contract", f"격리: 계약을 어긴 행 {total:,}건")
    return Grid(title, heads, rows, _NO_ROWS)


def show_quarantine(visit: Visit) -> Response:
    """Show the rows in quarantine by file, column and reason, of one source or of all."""
    source = visit.query("source")
    found = (one for one in _rows(_groups(visit)) if source in ("", one.source))
    groups = sorted(found, key=lambda one: one.quarantined_at, reverse=True)
    heads = (Wording("File", "파일"), Wording("Source", "출처"), Wording("Column in the file", "파일의 열"),
             Wording("Reason", "이유"), Wording("Rows", "행"), Wording("First line", "첫 행 번호"),
             Wording("Since", "경과"))  # fmt: skip
    rows = [
        [one.file, _source(visit, one.source), one.column, one.reason, one.rows, one.line,
         _age(visit, one.quarantined_at)]
        for one in groups
    ]  # fmt: skip
    note = Wording(
        "Such rows are in no table. Correct them at their source, or change the contract and load them again with "
        "`bojagi quarantine replay`.",
        "이 행들은 어떤 테이블에도 없습니다. 출처에서 고치거나, 계약을 바꾼 뒤 `bojagi quarantine replay`로 다시 "
        "적재하십시오.",
    )
    grid = Grid(
        Wording("Rows by file and reason, the newest first", "파일과 이유별 행 (최신순)"), heads, rows, _NO_ROWS
    )
    return visit.render_parts(
        Wording("Quarantine", "격리된 행"), [Note(note), grid], paging=paging_of(visit, len(rows)),
        back=Link(Wording("Quality", "품질"), "/console/quality"),
    )  # fmt: skip


def _tables(visit: Visit, checks: CheckResults) -> Grid:
    is_whole = visit.query("tables") == "all"
    shown = [one for one in checks.tables if is_whole or one.failed]
    sound = len(checks.tables) - len(shown)
    heads = (Wording("Table", "테이블"), Wording("State", "상태"), Wording("Failed", "실패"), Wording("Hold", "통과"),
             Wording("Checked", "검사 시각"))  # fmt: skip
    rows = [
        [Link(_title(visit, one.table), f"/console/quality/{one.table}"), _state(one), len(one.failed), one.holding,
         _utc(one.measured_at)]
        for one in shown
    ]  # fmt: skip
    if sound:
        text = Wording(f"{sound} tables whose checks all hold", f"모든 검사를 통과한 테이블 {sound}개")
        holding = sum(one.holding for one in checks.tables if not one.failed)
        rows.append([Link(text, "?tables=all"), State(Wording("holds", "통과"), "good"), 0, holding, None])
    empty = Wording(
        "No checks yet: run the pipeline first.", "아직 검사 결과가 없습니다. 먼저 파이프라인을 실행하십시오."
    )
    return Grid(Wording("Tables, the worst first", "테이블 (문제가 큰 순서)"), heads, rows, empty)


def _trend(checks: CheckResults) -> Chart:
    rows: list[list[str | Figure]] = [
        [f"{run.measured_at:%m-%d %H:%M}", run.errors, run.warnings] for run in checks.runs
    ]
    columns = (Wording("Run (UTC)", "실행 (UTC)"), Wording("errors", "오류"), Wording("warnings", "경고"))
    return Chart(ChartKind.LINE, Wording("Failed checks by run", "실행별 실패한 검사"), columns, rows, 12)


def _freshness(visit: Visit) -> Grid:
    installation = visit.console.installation
    today = installation.reference_date()
    found: list[tuple[Wording, date | None, int | None]] = []
    for contract in installation.contracts.sources:
        column = contract.touchpoint and contract.touchpoint.columns.get("event_time")
        if column and installation.lakehouse.exists(contract.table):
            day = _newest_day(visit, contract.table, column)
            found.append((visit.console.names.table(contract), day, None if day is None else (today - day).days))
    rows = [list(one) for one in sorted(found, key=lambda one: -(one[2] or 0))]
    heads = (
        Wording("Source", "출처"),
        Wording("Newest event", "최근 활동일"),
        Wording("Days before the reference date", "기준일까지 일수"),
    )
    title = Wording(f"Freshness on {today}", f"{today} 기준 최신성")
    return Grid(title, heads, rows, Wording("No source has events.", "활동이 있는 출처가 없습니다."))


def _newest_day(visit: Visit, table: str, column: str) -> date | None:
    lakehouse = visit.console.installation.lakehouse
    return visit.console.known(
        f"freshness {table}", lakehouse.version(table), lambda: latest_day(lakehouse.delta(table), column)
    )


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


def _age(visit: Visit, moment: datetime) -> Wording:
    hours = int((visit.console.installation.clock() - _utc(moment)).total_seconds() // 3_600)
    days = hours // 24
    if days:
        return Wording(f"{days} days" if days > 1 else "1 day", f"{days}일")
    return Wording(f"{hours} hours" if hours > 1 else "1 hour", f"{hours}시간") if hours > 0 else _NEW


add_page(router, "GET", "/quality", show_quality, "quality")
add_page(router, "GET", "/quality/quarantine", show_quarantine, "quality")
add_page(router, "GET", "/quality/{layer}/{table}", show_table, "quality")
