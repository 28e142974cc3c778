"""The pages of experiments: which run for the purpose of the session, and what each of them says now."""

from __future__ import annotations

import re
from datetime import date

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.cell import Link, Share, State
from agent_serving.console.errors import UnknownEntry
from agent_serving.console.handling import add_page
from agent_serving.console.part import Fact, Facts, Grid, Note, Part
from agent_serving.console.rollout_page import list_rollouts
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from features.experiment.errors import UnknownExperimentError
from features.experiment.report_text import guardrail_rows, metric_text, verdict_rows
from features.experiment.service import Report
from features.experiment.store import Version
from features.experiment.verdict import Answer, Verdict
from features.insight.group_size import told_size
from features.retrieval.answer import Caller
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
_ANSWERS = {
    Answer.BETTER: State(Wording("better", "우수"), "good"), Answer.WORSE: State(Wording("worse", "열세"), "bad"),
    Answer.UNDECIDED: State(Wording("undecided", "판단 보류")),
    Answer.NO_VERDICT: State(Wording("no verdict", "판정 불가"), "warn"),
}  # fmt: skip
_REASONS = {
    r"the interval contains 0": "구간이 0을 포함합니다.",
    r"the whole interval is above 0": "구간 전체가 0보다 큽니다.",
    r"the whole interval is below 0": "구간 전체가 0보다 작습니다.",
    r"no figures yet, or all are equal": "수치가 아직 없거나 모두 같습니다.",
    r"guardrail broken: (.*)": r"보호 지표 위반: \1",
    r"too few customers: (\S+) in a variant, at least (\S+) are needed":
        r"고객 수 부족: 실험안의 고객 \1명, 최소 \2명 필요",
    r"sample-ratio fault: .*": "표본 비율 오류: 실험안의 고객 수가 정해진 비율과 다릅니다.",
    r"the metric or the plan was changed .*": "고객이 참여하는 동안 지표나 계획이 변경되었습니다.",
    r"a variant was given another version .*": "고객이 참여하는 동안 실험안의 버전이 변경되었습니다.",
    r"overlapping pre-period: .*": "사전 기간이 실험 기간과 겹칩니다.",
}  # fmt: skip
"""Reasons of `features.experiment.verdict`, as patterns, in Korean."""
_STATE = Wording("State", "상태")
_STATES = {"planned": "예정", "running": "진행 중", "over": "기간 종료"}
_EMPTY = Wording("No experiment for the purpose of this session.", "현재 이용 목적의 실험이 없습니다.")


def show_experiments(visit: Visit) -> Response:
    """Show the experiments for the purpose of the session, the newest first, and how many there are for others."""
    found = visit.console.experiments.newest(is_read_anew=True)
    today = visit.console.installation.decision_moment().date()
    here = sorted(_here(visit), key=lambda one: one.experiment.start, reverse=True)
    heads = (Wording("Experiment", "실험"), Wording("First day", "시작일"), Wording("Last day", "종료일"),
             Wording("Metric", "지표"), Wording("Variants", "실험안"), _STATE)  # fmt: skip
    rows = [
        [Link(one.experiment.name, f"/console/experiment/{one.experiment.name}"), one.experiment.start,
         one.experiment.last_day, one.experiment.metric.name, ", ".join(v.version for v in one.experiment.variants),
         _state(one, today)]
        for one in here
    ]  # fmt: skip
    parts: list[Part] = [Grid(Wording("Experiments", "실험"), heads, rows, _EMPTY)]
    if others := len(found) - len(here):
        text = Wording(f"Experiments for other purposes: {others}.", f"다른 이용 목적의 실험이 {others}개 있습니다.")
        parts.append(Note(text))
    parts.append(list_rollouts(visit))
    return visit.render_parts(Wording("Experiments", "실험"), parts)


def show_experiment(visit: Visit) -> Response:
    """Show what one experiment says now; the read is logged."""
    staff, name = visit.staff, visit.path("name")
    caller = Caller(staff.name, staff.role, frozenset({staff.purpose}), "authenticated")
    try:
        report = visit.console.experiments.report(name, caller)
    except UnknownExperimentError:
        raise UnknownEntry("There is no such experiment.") from None
    parts: list[Part] = [*(_answer(one) for one in report.verdicts), _facts(report), _figures(report)]
    if report.version.experiment.guardrails:
        heads = (Wording("Variant", "실험안"), Wording("Metric", "지표"), _STATE, Wording("Increase", "증가량"),
                 Wording("Interval", "구간"))  # fmt: skip
        nothing = Wording("No figures yet.", "아직 수치가 없습니다.")
        rows = [[variant, one, _GUARDRAIL[state], *rest] for variant, one, state, *rest in guardrail_rows(report)]
        parts.append(Grid(Wording("Guardrail metrics", "보호 지표"), heads, rows, nothing))
    back = Link(Wording("All experiments", "모든 실험"), "/console/experiment")
    return visit.render_parts(Wording(name, name), parts, back=back)


def tiles(visit: Visit) -> list[Tile]:
    """Return how many experiments run for the purpose of the session."""
    today = visit.console.installation.decision_moment().date()
    running = sum(one.state(today) == "running" for one in _here(visit))
    note = Wording("experiments run for this purpose", "이 목적으로 진행 중인 실험")
    return [Tile(Wording("Experiments", "실험"), running, "/experiment", note)] if running else []


_GUARDRAIL = {
    "holds": State(Wording("holds", "양호"), "good"), "broken": State(Wording("broken", "위반"), "bad"),
    "no figures": State(Wording("no figures", "수치 없음"), "warn"),
}  # fmt: skip


def _here(visit: Visit) -> list[Version]:
    return [
        one
        for one in visit.console.experiments.newest(is_read_anew=True)
        if one.experiment.purpose == visit.staff.purpose
    ]


def _state(version: Version, today: date) -> State:
    state = version.state(today)
    if version.stopped:
        return State(Wording(state, f"중단: {version.stopped}"))
    return State(Wording(state, _STATES[state]), "good" if state == "running" else "plain")


def _facts(report: Report) -> Facts:
    experiment, size = report.version.experiment, told_size(report.taking_part)
    return Facts(
        Wording("The experiment", "실험 개요"),
        (
            Fact("state", _STATE, _state(report.version, report.at.date())),
            Fact("days", Wording("Days", "기간"), f"{experiment.start} – {experiment.last_day}"),
            Fact("size", Wording("Customers, at least", "고객 수 (최소)"), size),
            Fact("alpha", Wording("Wrong answers without a difference", "차이가 없을 때 오판 확률"),
                 Share(experiment.alpha)),
        ),
        is_glance=True,
    )  # fmt: skip


def _answer(verdict: Verdict) -> Note:
    state = _ANSWERS[verdict.answer]
    text = Wording(
        f"{verdict.treatment}: {state.text.en}. {verdict.reason[:1].upper()}{verdict.reason[1:]}.",
        f"{verdict.treatment}: {state.text.ko}. {'; '.join(map(_korean, verdict.reason.split('; ')))}",
    )
    return Note(text, {"good": "plain", "plain": "plain"}.get(state.kind, state.kind))


def _korean(reason: str) -> str:
    for pattern, text in _REASONS.items():
        if found := re.fullmatch(pattern, reason):
            return found.expand(text)
    return reason


def _figures(report: Report) -> Grid:
    heads = (Wording("Variant", "실험안"), Wording("Serves", "제공 버전"), Wording("Answer", "판정"),
             Wording("Difference", "차이"), Wording("Interval", "구간"), Wording("Relative", "대조군 대비"),
             Wording("Variance removed", "제거된 분산"))  # fmt: skip
    title = metric_text(report)
    rows = [
        [variant, version, _ANSWERS[Answer(answer)], *figures]
        for variant, version, answer, _, *figures in verdict_rows(report)
    ]
    return Grid(Wording(f"{title} a customer", f"고객당 {title}"), heads, rows, _EMPTY)


add_page(router, "GET", "/experiment", show_experiments, "experiment")
add_page(router, "GET", "/experiment/{name}", show_experiment, "experiment")
