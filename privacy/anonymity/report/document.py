"""The documents of a report: sections after ISO/IEC 27559:2022 and the Korean guideline, open questions, and JSON.

Equal releases give equal bytes: no clock is read.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from privacy.anonymity.report.iso_27559 import iso_sections
from privacy.anonymity.report.korean_guideline import korean_sections
from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.report.section import Section


def report_sections(report: ReleaseReport) -> dict[str, tuple[Section, ...]]:
    """Returns the sections of each document that the report follows, by the document's key."""
    return {"iso_27559": iso_sections(report), "korean_guideline": korean_sections(report)}


def open_questions(report: ReleaseReport) -> list[str]:
    """Returns the questions that the specification's `context` does not answer, each once."""
    found = [
        statement.question
        for sections in report_sections(report).values()
        for section in sections
        for statement in section.statements
        if statement.value is None
    ]
    return list(dict.fromkeys(found))


def report_dict(report: ReleaseReport) -> dict[str, Any]:
    """Returns the report as dicts, lists, text and numbers."""
    return {
        "title": report.title,
        "is_verified": report.verdict.is_passed,
        "is_registered": report.is_registered,
        "is_within_threshold": report.is_within_threshold,
        "open_questions": open_questions(report),
        "figures": {
            "classes": report.verdict.classes,
            "suppressed": report.suppressed,
            "measured": dict(report.verdict.measured),
            "risk": {"before": asdict(report.before), "after": asdict(report.after)},
            "homogeneity": [asdict(one) for one in report.homogeneity],
            "attacks": [asdict(attack) for attack in report.attacks],
            "utility": asdict(report.utility),
            "model_trained_on_the_release": asdict(report.prediction) if report.prediction else None,
            "columns": {name: asdict(fact) for name, fact in report.columns.items()},
        },
        **{name: {s.key: s.as_dict() for s in found} for name, found in report_sections(report).items()},
        "specification": report.spec.model_dump(mode="json", exclude={"context"}),
    }


def render_json(report: ReleaseReport) -> str:
    """Returns the report as JSON text."""
    return json.dumps(report_dict(report), ensure_ascii=False, indent=2, default=str)
