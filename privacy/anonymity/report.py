"""The report of a release: HTML and JSON whose sections follow ISO/IEC 27559:2022 and the Korean guideline's steps.

ISO/IEC 27559 asks for the context of the release, the data, identifiability, mitigation and governance. The Personal
Information Protection Commission's guideline on pseudonymous data (PIPA art. 28-2 ff.) asks for five steps: prepare,
assess the risk, pseudonymise, review adequacy, manage safely. What only people can decide is left open and says so.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from privacy.anonymity.attack import AttackRisk
from privacy.anonymity.prediction import Prediction
from privacy.anonymity.risk import Risk
from privacy.anonymity.spec import Spec
from privacy.anonymity.utility import Utility
from privacy.anonymity.verify import Verdict

OPEN = "to be filled in by the person responsible"
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0}td,th{border-bottom:1px solid #ddd;padding:.25rem .75rem;"
    "text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}.ok{color:#176639}.no{color:#a11}"
    "svg text{font:12px system-ui,sans-serif}h2{margin-top:2rem}"
)


@dataclass(frozen=True)
class Report:
    """Everything a reader needs to judge a release; `context` answers the questions only people can answer."""

    title: str
    spec: Spec
    verdict: Verdict
    before: Risk
    after: Risk
    utility: Utility
    suppressed: int
    attacks: Sequence[AttackRisk] = ()
    class_sizes: Sequence[int] = ()
    context: Mapping[str, str] | None = None
    prediction: Prediction | None = None

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, by section."""
        spec = self.spec.model_dump(mode="json")
        answers = dict(self.context or {})
        risk = {"before": asdict(self.before), "after": asdict(self.after)}
        attacks = [asdict(attack) for attack in self.attacks]
        return {
            "title": self.title,
            "iso_27559": {
                "context_assessment": {key: answers.get(key, OPEN) for key in ("purpose", "recipient", "environment")},
                "data_assessment": {
                    "columns": {name: column["role"] for name, column in spec["columns"].items()},
                    "records": self.before.records,
                    "people": self.before.people,
                },
                "identifiability_assessment": {"risk": risk, "attacks": attacks},
                "mitigation": {
                    "models": spec["models"],
                    "algorithm": spec["algorithm"],
                    "suppressed": self.suppressed,
                    "verified": self.verdict.is_passed,
                    "measured": dict(self.verdict.measured),
                    "utility": asdict(self.utility),
                    "model_trained_on_the_release": asdict(self.prediction) if self.prediction else None,
                },
                "governance": {key: answers.get(key, OPEN) for key in ("approved_by", "review_on", "incident_contact")},
            },
            "korean_guideline": {
                "1_preparation": answers.get("purpose", OPEN),
                "2_risk_assessment": risk["before"],
                "3_pseudonymisation": {"models": spec["models"], "columns": spec["columns"]},
                "4_adequacy_review": {
                    "verified": self.verdict.is_passed,
                    "risk": risk["after"],
                    "attacks": attacks,
                    "reviewers": answers.get("reviewers", OPEN),
                },
                "5_safe_management": answers.get("safeguards", OPEN),
            },
        }

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, default=str)

    def to_html(self) -> str:
        """The report as one HTML file without outside references."""
        data = self.as_dict()
        state = ("ok", "passed") if self.verdict.is_passed else ("no", "refused")
        parts = [
            f"<h1>{html.escape(self.title)}</h1>",
            f'<p>Independent verification: <b class="{state[0]}">{state[1]}</b>; '
            f"{self.verdict.classes:,} classes, {self.suppressed:,} rows suppressed.</p>",
            "<h2>Risk before and after</h2>",
            bars(
                {
                    "highest (before)": self.before.highest_prosecutor,
                    "highest (after)": self.after.highest_prosecutor,
                    "mean (before)": self.before.mean_prosecutor,
                    "mean (after)": self.after.mean_prosecutor,
                    "records above 20 % (before)": self.before.at_risk[0.2],
                    "records above 20 % (after)": self.after.at_risk[0.2],
                }
            ),
        ]
        if self.class_sizes:
            parts += ["<h2>Sizes of classes</h2>", bars(_size_shares(self.class_sizes))]
        if self.attacks:
            parts.append("<h2>Attacks (risk above baseline, 95 % interval)</h2>")
            parts.append(bars({a.name: a.risk for a in self.attacks}, {a.name: (a.low, a.high) for a in self.attacks}))
        if (learnt := self.prediction) is not None:
            parts.append(f"<h2>Predicting {html.escape(learnt.target)} ({learnt.measure}, held-out original rows)</h2>")
            scores = {
                "trained on the original": learnt.original,
                "trained on the release": learnt.released,
                "without features": learnt.baseline,
            }
            parts.append(bars({name: min(max(score, 0.0), 1.0) for name, score in scores.items()}))
        for key, title in (("iso_27559", "ISO/IEC 27559"), ("korean_guideline", "가명정보 처리 가이드라인")):
            parts.append(f"<h2>{title}</h2>")
            for section, content in data[key].items():
                parts.append(f"<h3>{html.escape(section.replace('_', ' '))}</h3>{_render(content)}")
        body = "\n".join(parts)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(self.title)}</title>'
            f"<style>{STYLE}</style></head><body>{body}</body></html>"
        )


def _size_shares(sizes: Sequence[int]) -> dict[str, float]:
    edges = ((1, 1), (2, 4), (5, 9), (10, 19), (20, 49), (50, 10**12))
    total = sum(sizes)
    names = ("1", "2–4", "5–9", "10–19", "20–49", "50 and more")
    return {
        f"records in classes of {name}": sum(s for s in sizes if low <= s <= high) / total
        for name, (low, high) in zip(names, edges, strict=True)
    }


def bars(values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]] | None = None) -> str:
    """A bar chart of shares of 1 as SVG, with whiskers where there are intervals."""
    rows = []
    for i, (name, value) in enumerate(values.items()):
        y = 24 * i
        rows.append(f'<text x="0" y="{y + 15}">{html.escape(name)}</text>')
        rows.append(f'<rect x="230" y="{y + 3}" width="{400 * value:.1f}" height="15" fill="#3b6ea5"/>')
        if intervals and name in intervals:
            low, high = intervals[name]
            rows.append(
                f'<line x1="{230 + 400 * low:.1f}" x2="{230 + 400 * high:.1f}" y1="{y + 10}" y2="{y + 10}" '
                'stroke="#222" stroke-width="2"/>'
            )
        rows.append(f'<text x="640" y="{y + 15}">{value:.1%}</text>')
    return f'<svg width="720" height="{24 * len(values) + 4}" role="img">{"".join(rows)}</svg>'


def _render(content: object) -> str:
    if isinstance(content, Mapping):
        rows = "".join(
            f"<tr><th>{html.escape(str(key).replace('_', ' '))}</th><td>{_render(value)}</td></tr>"
            for key, value in content.items()
        )
        return f"<table>{rows}</table>"
    if isinstance(content, list | tuple):
        return "".join(_render(item) for item in content) or "none"
    if isinstance(content, float):
        return f"{content:.4g}"
    return html.escape(str(content))
