"""Renders a report as one HTML file without external references: charts, then its sections."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from privacy.anonymity.report.document import open_questions, report_sections
from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.report.section import Section, Statement, Table
from privacy.anonymity.report.statement import not_asked, other_releases, residual_risk
from privacy.anonymity.report.wording import homogeneity_text, model_text

STYLE = (
    "body{font:15px/1.55 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h2{margin-top:2.5rem;border-bottom:2px solid #3b6ea5;padding-bottom:.2rem}h3{margin:1.6rem 0 .3rem}"
    "table{border-collapse:collapse;margin:.5rem 0;width:100%}td,th{border-bottom:1px solid #ddd;"
    "padding:.3rem .75rem .3rem 0;text-align:left;vertical-align:top}tr>th:first-child{width:15rem;font-weight:600}"
    "thead th{border-bottom:2px solid #999;white-space:nowrap}tbody.n td{font-variant-numeric:tabular-nums}"
    ".ok{color:#176639}.no{color:#a11}.open{background:#fff4d6;border-left:3px solid #d69b00;padding:.1rem .5rem}"
    "svg text{font:12px system-ui,sans-serif}ol.open{padding:.5rem .5rem .5rem 2rem}"
    "@media print{body{margin:0}h2{break-after:avoid}table{break-inside:avoid}}"
)
DOCUMENTS = {
    "iso_27559": ("ISO/IEC 27559:2022", "Clauses 6 to 9 of the framework for de-identification."),
    "korean_guideline": (
        "가명정보 처리 가이드라인",
        "The five steps of the guideline on pseudonymous information (PIPA articles 28-2 to 28-5). They apply while "
        "the reviewers take the release for pseudonymous rather than anonymous information (article 58-2).",
    ),
}


def render_html(report: ReleaseReport) -> str:
    """Returns the report as one HTML page."""
    parts = [*_summary(report), *_charts(report)]
    for name, sections in report_sections(report).items():
        title, about = DOCUMENTS[name]
        parts += [f'<h2 id="{name}">{title}</h2>', f"<p>{about}</p>"]
        parts += [_section(section) for section in sections]
    title, body = html.escape(report.title), "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>{body}</body></html>\n'
    )


def _summary(report: ReleaseReport) -> list[str]:
    state = ("ok", "passed") if report.verdict.is_passed else ("no", "refused")
    risk = residual_risk(report)
    level = {True: "ok", False: "no", None: ""}[report.is_within_threshold]
    rows = f"{report.verdict.classes:,} classes of {report.after.records:,} rows, {report.suppressed:,} rows suppressed"
    asked = "; ".join(model_text(model) for model in report.spec.models)
    lines = [
        f"<h1>{html.escape(report.title)}</h1>",
        f'<p>Independent verification of {html.escape(asked)}: <b class="{state[0]}">{state[1]}</b>. {rows}.</p>',
        f'<p class="{"" if report.is_registered else "no"}">{html.escape(str(other_releases(report).value))}.</p>',
    ]
    missing = not_asked(report)
    if missing is not None:
        lines.append(f'<p class="no"><b>{missing.label}:</b> {html.escape(str(missing.value))}.</p>')
    lines += [
        f'<p class="{"" if one.models else "no"}">{html.escape(one.column)}: {html.escape(homogeneity_text(one))}.</p>'
        for one in report.homogeneity
    ]
    if risk.value is not None:
        lines.append(f'<p>Residual risk: <b class="{level}">{html.escape(risk.value)}</b>.</p>')
    questions = open_questions(report)
    if questions:
        items = "".join(f"<li>{html.escape(question)}</li>" for question in questions)
        lines.append(
            f"<p>{len(questions)} questions are open. Only people can answer them; write the answers into "
            f'<code>context</code> of the specification.</p><ol class="open">{items}</ol>'
        )
    return lines


def _charts(report: ReleaseReport) -> list[str]:
    before, after = report.before, report.after
    parts = [
        "<h2>Risk before and after</h2>",
        bars(
            {
                "highest (before)": before.highest_prosecutor,
                "highest (after)": after.highest_prosecutor,
                "mean (before)": before.mean_prosecutor,
                "mean (after)": after.mean_prosecutor,
                "records above 20 % (before)": before.at_risk[0.2],
                "records above 20 % (after)": after.at_risk[0.2],
            }
        ),
    ]
    if report.class_sizes:
        parts += ["<h2>Sizes of classes</h2>", bars(_size_shares(report.class_sizes))]
    if report.attacks:
        parts += [
            "<h2>Attacks</h2><p>How much more often each attack succeeds on a person than without that person's rows, "
            "as a share of what could be gained; lines are 95 % intervals.</p>",
            bars({a.name: a.risk for a in report.attacks}, {a.name: (a.low, a.high) for a in report.attacks}),
        ]
    if (learnt := report.prediction) is not None:
        parts.append(f"<h2>Predicting {html.escape(learnt.target)} ({learnt.measure}, held-out original rows)</h2>")
        scores = {
            "trained on the original": learnt.original,
            "trained on the release": learnt.released,
            "without features": learnt.baseline,
        }
        parts.append(bars({name: min(max(score, 0.0), 1.0) for name, score in scores.items()}))
    return parts


def _size_shares(sizes: Sequence[int]) -> dict[str, float]:
    edges = ((1, 1), (2, 4), (5, 9), (10, 19), (20, 49), (50, 10**12))
    total = sum(sizes)
    names = ("1", "2–4", "5–9", "10–19", "20–49", "50 and more")
    return {
        f"records in classes of {name}": sum(s for s in sizes if low <= s <= high) / total
        for name, (low, high) in zip(names, edges, strict=True)
    }


def bars(values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]] | None = None) -> str:
    """Returns a bar chart of shares (0 to 1) as SVG, with whiskers for intervals."""
    rows = []
    for i, (name, value) in enumerate(values.items()):
        y = 24 * i
        rows.append(f'<text x="0" y="{y + 15}">{html.escape(name)}</text>')
        rows.append(f'<rect x="230" y="{y + 3}" width="400" height="15" fill="#f0f2f5"/>')
        rows.append(f'<rect x="230" y="{y + 3}" width="{400 * value:.1f}" height="15" fill="#3b6ea5"/>')
        if intervals and name in intervals:
            low, high = intervals[name]
            rows.append(
                f'<line x1="{230 + 400 * low:.1f}" x2="{230 + 400 * high:.1f}" y1="{y + 10}" y2="{y + 10}" '
                'stroke="#222" stroke-width="2"/>'
            )
        rows.append(f'<text x="640" y="{y + 15}">{value:.1%}</text>')
    return f'<svg width="720" height="{24 * len(values) + 4}" role="img">{"".join(rows)}</svg>'


def _section(section: Section) -> str:
    number = section.key.split("_")[0]
    title = section.title if section.title.startswith(tuple("①②③④⑤")) else f"{number} {section.title}"
    rows = "".join(f"<tr><th>{html.escape(one.label)}</th><td>{_value(one)}</td></tr>" for one in section.statements)
    return f"<h3>{html.escape(title)}</h3><table>{rows}</table>" + "".join(_table(table) for table in section.tables)


def _value(one: Statement) -> str:
    if one.value is None:
        return f'<span class="open">To decide: {html.escape(one.question)}</span>'
    return html.escape(one.value)


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.head)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f'<table><thead><tr>{head}</tr></thead><tbody class="n">{rows}</tbody></table>'
