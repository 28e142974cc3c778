"""The rollouts for the purpose of the session, on the page of experiments, and the page of one rollout."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import Link, Share, State
from agent_serving.console.errors import UnknownEntry
from agent_serving.console.handling import add_page
from agent_serving.console.part import Fact, Facts, Grid, Note, Part
from agent_serving.console.visit import Visit
from features.retrieval.answer import Caller
from features.rollout.definition import Comparison, StageKind
from features.rollout.errors import UnknownRolloutError
from features.rollout.judgement import Action, Finding, Judgement
from features.rollout.service import Report, Rollouts
from features.rollout.store import State as Stand
from features.rollout.store import Step
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
_STAGES = {StageKind.SHADOW: Wording("shadow", "섀도"), StageKind.CANARY: Wording("canary", "카나리"),
           StageKind.BLUE_GREEN: Wording("blue-green", "블루-그린")}  # fmt: skip
_STANDS = {
    Stand.ROLLED_BACK: State(Wording("rolled back", "자동 복구됨"), "bad"),
    Stand.FINISHED: State(Wording("finished", "완료"), "good"), Stand.STOPPED: State(Wording("stopped", "중단")),
}  # fmt: skip
_REASONS = {
    r"created": "시작",
    r"guardrail broken: (.*)": r"보호 지표 위반: \1",
    r"in doubt: (.*)": r"판단 보류: \1",
    r"(\w+) until (.*) at least": r"이 단계는 \2(UTC)까지 계속됩니다",
    r"(\w+) has ended: (\S+) calls, .*": r"이전 단계 완료: 호출 \2회, 위반된 보호 지표 없음",
    r"too few calls: (\S+) of \S+, (\S+) are needed": r"호출 부족: \1회, 최소 \2회 필요",
    r"\w+ without data: no call of (\S+) .*": r"데이터 없음: \1 호출이 없습니다",
}
"""Reasons of `features.rollout.judgement`, as patterns, in Korean."""
_STATE, _REASON = Wording("State", "상태"), Wording("Reason", "사유")
_VERSIONS, _SINCE = Wording("Versions", "버전"), Wording("Since (UTC)", "시점 (UTC)")


def list_rollouts(visit: Visit) -> Grid:
    """Return the rollouts for the purpose of the session, the newest first."""
    found = [
        one for one in Rollouts(visit.console.installation).state() if one[0].rollout.purpose == visit.staff.purpose
    ]
    heads = (Wording("Rollout", "배포"), Wording("Subject", "대상"), _VERSIONS, _STATE, _REASON)
    rows = [
        [Link(step.rollout.name, f"/console/rollout/{step.rollout.name}"), step.rollout.subject,
         f"{step.rollout.old} → {step.rollout.new}", _state(step, judgement), _reason(step, judgement)]
        for step, judgement in reversed(found)
    ]  # fmt: skip
    nothing = Wording("No rollout for the purpose of this session.", "현재 이용 목적의 배포가 없습니다.")
    return Grid(Wording("Rollouts", "단계적 배포"), heads, rows, nothing)


def show_rollout(visit: Visit) -> Response:
    """Show the state, the guardrails and the steps of one rollout."""
    staff, name = visit.staff, visit.path("name")
    caller = Caller(staff.name, staff.role, frozenset({staff.purpose}), "authenticated")
    try:
        report = Rollouts(visit.console.installation).report(name, caller)
    except UnknownRolloutError:
        raise UnknownEntry("There is no such rollout.") from None
    parts: list[Part] = [_answer(report), _facts(report), _guardrails(report.findings), _steps(report)]
    back = Link(Wording("All experiments", "모든 실험"), "/console/experiment")
    return visit.render_parts(Wording(name, name), parts, back=back)


def _answer(report: Report) -> Note:
    step, judgement = report.steps[-1], report.judgement
    state, reason = _state(step, judgement), _reason(step, judgement)
    text = Wording(f"{state.text.en}: {reason.en}", f"{state.text.ko}: {reason.ko}")
    return Note(text, state.kind if state.kind in ("warn", "bad") else "plain")


def _facts(report: Report) -> Facts:
    step = report.steps[-1]
    serves = step.rollout.old if step.state in (Stand.ROLLED_BACK, Stand.STOPPED) else step.rollout.new
    share = step.rollout.share(step.stage) if step.state is Stand.RUNNING else 1.0
    return Facts(
        Wording("The rollout", "배포 개요"),
        (
            Fact("state", _STATE, _state(step, report.judgement)),
            Fact("version", Wording("Serves", "제공 버전"), serves),
            Fact("share", Wording("to customers", "제공 대상 고객 비율"), Share(share)),
            Fact("subject", Wording("Subject", "대상"), step.rollout.subject),
        ),
        is_glance=True,
    )


def _guardrails(findings: tuple[Finding, ...]) -> Grid:
    heads = (Wording("Guardrail", "보호 지표"), _STATE, Wording("New version", "새 버전"),
             Wording("Compared with", "비교 기준"), Wording("Is", "기준값"), Wording("Evidence", "증거"),
             Wording("Broken at", "위반 판정 값"))  # fmt: skip
    broken, holds = State(Wording("broken", "위반"), "bad"), State(Wording("not broken", "위반 없음"), "good")
    beside = {Comparison.RATIO: Wording("old version", "이전 버전"), Comparison.LIMIT: Wording("limit", "한도")}
    rows = [
        [one.guardrail, broken if one.is_broken else holds, Share(one.new_rate), beside[one.compared],
         Share(one.old_rate), one.evidence, one.needed]
        for one in findings
    ]  # fmt: skip
    return Grid(Wording("Guardrails", "보호 지표"), heads, rows, Wording("No calls yet.", "아직 호출이 없습니다."))


def _steps(report: Report) -> Grid:
    rows = [
        [f"{one.at:%Y-%m-%d %H:%M}", _state(one, None), f"{one.rollout.old} → {one.rollout.new}", _reason(one, None)]
        for one in reversed(report.steps)
    ]
    return Grid(Wording("Steps", "진행 이력"), (_SINCE, _STATE, _VERSIONS, _REASON), rows, Wording("None.", "없음"))


def _state(step: Step, judgement: Judgement | None) -> State:
    if step.state is not Stand.RUNNING:
        return _STANDS[step.state]
    stage = _STAGES[step.rollout.stages[step.stage].kind]
    if judgement is not None and judgement.action is Action.HOLD:
        return State(Wording(f"{stage.en}, held", f"{stage.ko}, 보류"), "warn")
    return State(stage, "good")


def _reason(step: Step, judgement: Judgement | None) -> Wording:
    reason = step.reason if judgement is None else judgement.reason
    for pattern, korean in _REASONS.items():
        if found := re.fullmatch(pattern, reason):
            return Wording(reason, found.expand(korean))
    return Wording(reason, reason)


add_page(router, "GET", "/rollout/{name}", show_rollout, "experiment")
