"""The sections of a report after the five steps of the Korean guideline on pseudonymous information.

Sources: Personal Information Protection Commission, 가명정보 처리 가이드라인; Personal Information Protection Act
(PIPA), articles 28-2 to 28-5. A release in which no person can be found by reasonable means is anonymous information
(article 58-2). The steps need not apply to it; the reviewers decide that.
"""

from __future__ import annotations

from privacy.anonymity.report.iso_27559 import names_of, singling_text
from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.report.section import Section, Statement, Table, asked, percent
from privacy.anonymity.report.statement import homogeneity, residual_risk, verification
from privacy.anonymity.report.wording import treatment_text

IDENTIFYING_SHARE = 0.5
"""Share of rows in which a value must differ for a column to identify rows."""


def korean_sections(report: ReleaseReport) -> tuple[Section, ...]:
    """Returns the sections on preparation, review of the risk, pseudonymisation, review of adequacy, and safe
    management.
    """
    return (_preparation(report), _risk(report), _processing(report), _adequacy(report), _management(report))


def _preparation(report: ReleaseReport) -> Section:
    context = report.context
    kept, left_out = len(report.columns), report.input_columns - len(report.columns)
    return Section(
        "1_preparation",
        "① 사전준비 · Preparation",
        (
            asked(context, "목적 · Purpose", "purpose"),
            asked(context, "적합성 · Legal basis", "legal_basis"),
            Statement("최소 처리 · Least data", f"{kept} columns are released, {left_out} are left out"),
            asked(context, "제공받는 자 · Recipient", "recipient"),
        ),
    )


def _risk(report: ReleaseReport) -> Section:
    context, spec, before = report.context, report.spec, report.before
    rare = ", ".join(f"{fact.rare_values:,} of {name}" for name, fact in report.columns.items() if fact.rare_values)
    return Section(
        "2_risk_review",
        "② 위험성 검토 · Review of the risk of identification",
        (
            Statement("식별정보 · Identifying", f"Left out: {names_of(spec.by_role('identifying'), 'none is named')}"),
            Statement("식별가능정보 · Quasi-identifying", names_of(spec.quasi)),
            Statement(
                "특이정보 · Outliers", f"{singling_text(report)}. Values of fewer people than k: {rare or 'none'}"
            ),
            Statement(
                "Before", f"Highest risk {percent(before.highest_prosecutor)}, mean {percent(before.mean_prosecutor)}"
            ),
            Statement(
                "재식별 시 영향 · Impact", f"Would reveal {names_of(spec.by_role('sensitive'), 'no sensitive column')}"
            ),
            asked(context, "Harms", "harms"),
            asked(context, "처리환경 · Environment", "environment"),
            asked(context, "보호 수준 · Controls", "controls"),
            asked(context, "결합 가능 정보 · Other data", "other_data"),
        ),
    )


def _processing(report: ReleaseReport) -> Section:
    head = ("Column", "Role", "Treatment", "Cells generalised")
    rows = [
        (name, fact.role, treatment_text(report.spec, name), percent(fact.generalised))
        for name, fact in report.columns.items()
    ]
    removed = [(name, "identifying", "removed", "") for name in report.spec.by_role("identifying")]
    suppressed = f"{report.suppressed:,} of {report.before.records:,} rows"
    statements = (Statement("삭제 · Suppressed", suppressed),)
    return Section("3_pseudonymisation", "③ 가명처리 · Pseudonymisation", statements, (Table(head, rows + removed),))


def _adequacy(report: ReleaseReport) -> Section:
    utility = report.utility
    utility_text = (
        f"{percent(utility.certainty_penalty)} of the information lost, {percent(utility.query_error_median)} median "
        "error of counting queries"
    )
    if report.prediction is not None and report.prediction.kept is not None:
        utility_text += (
            f", {percent(report.prediction.kept)} of what a model learns about {report.prediction.target} kept"
        )
    worst = max(report.attacks, key=lambda attack: attack.risk, default=None)
    attack = f"{worst.name}, {percent(worst.risk)} (up to {percent(worst.high)})" if worst else "none was made"
    return Section(
        "4_adequacy_review",
        "④ 적정성 검토 · Review of adequacy",
        (
            verification(report),
            *homogeneity(report),
            residual_risk(report),
            Statement("가장 성공한 공격 · Most successful attack", attack),
            Statement("목적 달성 · Remaining utility", utility_text),
            asked(report.context, "검토자 · Reviewers", "reviewers"),
        ),
    )


def _management(report: ReleaseReport) -> Section:
    context = report.context
    identifying = tuple(
        name
        for name, fact in report.columns.items()
        if fact.role != "quasi" and fact.values_before > IDENTIFYING_SHARE * report.before.records
    )
    back = "The release holds no key of a row or a person; only its input does"
    if identifying:
        back = f"A person who knows values of {names_of(identifying)}, which differ in most rows, can find the row"
    if report.spec.person is not None:
        back += f", and any record of {report.spec.person} (the registry of releases keeps a keyed hash of it)"
    return Section(
        "5_safe_management",
        "⑤ 안전한 관리 · Safe management",
        (
            Statement("추가정보 · Additional information", back),
            asked(context, "분리 보관 · Kept apart", "additional_information"),
            asked(context, "재식별 금지 · No re-identification", "no_reidentification"),
            asked(context, "기록 · Records", "records"),
            asked(context, "모니터링 · Monitoring", "monitoring"),
            asked(context, "파기 · Destruction", "destroy_on"),
            asked(context, "사고 대응 · Incident", "incident"),
        ),
    )
