"""Every statement of a report is true of the release; everything that cannot be measured is an open question."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.report.document import render_json
from privacy.anonymity.report.html_page import render_html
from privacy.anonymity.report.measurement import make_report
from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.spec.release_context import QUESTIONS, Context
from privacy.anonymity.spec.specification import ColumnSpec
from tests.privacy.anonymity.random_release import random_table

ANSWERS = {name: f"answer to {name}" for name in QUESTIONS if name != "highest_acceptable_risk"}
CLAUSES = ("6_", "6.2_", "6.3_", "7.2_", "7.3_", "8.2_", "8.3_", "9.2_", "9.3_", "9.4_")
STEPS = ("1_", "2_", "3_", "4_", "5_")


def make_spec(k: int, **more: object) -> Spec:
    columns: dict[str, dict[str, object]] = {
        "region": {"role": "quasi"},
        "sex": {"role": "quasi"},
        "age": {"role": "quasi", "is_ordered": True},
        "illness": {"role": "sensitive"},
        "visits": {"role": "insensitive"},
        "name": {"role": "identifying"},
    }
    models = [{"name": "k_anonymity", "k": k}]
    return Spec.model_validate({"columns": columns, "models": models, "effort": 1, **more})


def people() -> pd.DataFrame:
    ages = np.random.default_rng(3).integers(18, 95, 400)
    return random_table(11, rows=400).assign(age=ages, name=[f"n{i // 2}" for i in range(400)], wage=0)


def report_of(k: int, **more: object) -> ReleaseReport:
    table, spec = people(), make_spec(k, **more)
    made = anonymize(table, spec)
    return make_report(table, made.table, spec, made.suppressed, "people", verdict=made.verdict)


def test_every_clause_and_step_is_there_and_lists_unanswered_questions() -> None:
    report = report_of(5)
    data = json.loads(render_json(report))
    assert [key for key in data["iso_27559"] if key.startswith(CLAUSES)] == list(data["iso_27559"])
    assert len(data["iso_27559"]) == len(CLAUSES)
    assert [key[:2] for key in data["korean_guideline"]] == list(STEPS)
    asked = {question for name, question in QUESTIONS.items() if name != "highest_acceptable_risk"}
    assert set(data["open_questions"]) == {*asked, "Is a highest risk of 20.0 % acceptable?"}
    page = render_html(report)
    assert all(question.replace("'", "&#x27;") in page for question in data["open_questions"])


def test_answers_close_the_questions_and_are_quoted() -> None:
    context = {**ANSWERS, "recipient": "<b>university</b>", "highest_acceptable_risk": 0.2}
    report = report_of(5, context=context)
    data, page = json.loads(render_json(report)), render_html(report)
    assert data["open_questions"] == []
    assert data["is_within_threshold"] is True
    assert "To decide" not in page
    assert "&lt;b&gt;university&lt;/b&gt;" in page
    assert "<b>university" not in page
    assert all(page.count(answer) >= 1 for name, answer in ANSWERS.items() if name != "recipient")
    strict = report_of(5, context={"highest_acceptable_risk": 0.19})
    assert strict.is_within_threshold is False
    assert "ABOVE the 19.0 %" in render_html(strict)


def test_statements_equal_the_measured_values_of_the_table() -> None:
    report = report_of(5)
    iso = json.loads(render_json(report))["iso_27559"]
    features = iso["7.2_data_features"]
    assert features["Data type"].startswith("One table of 7 columns")
    assert "2 of them are left out" in features["Data type"]
    assert "Values of name repeat" in features["Data principals"]
    rows = {row["Column"]: row for row in features["tables"][0]}
    table = people()
    made = anonymize(table, make_spec(5)).table
    assert rows["age"]["Values before"] == str(table["age"].nunique())
    assert rows["age"]["Labels after"] == str(made["age"].nunique())
    changed = (made["age"] != table["age"].astype(str)).mean()
    assert rows["age"]["Cells generalised"] == f"{changed:.1%}".replace("%", " %")
    uniques = table.groupby(["region", "sex", "age"]).size().eq(1).sum()
    assert iso["8.2_assessing_identifiability"]["Columns that single out"].startswith(f"{uniques} people were unique")
    persons = report_of(2, person="name")
    text = json.loads(render_json(persons))["iso_27559"]["7.2_data_features"]["Data principals"]
    assert text == "200 people in 400 rows, identified by name; no person has more than 2 rows"


def risks_on_the_page(report: ReleaseReport) -> dict[str, tuple[float, float, float]]:
    """Returns risk and interval of each attack, as the HTML page shows them."""
    share = r"<td>([\d.]+) %</td><td>([\d.]+) % to ([\d.]+) %</td>"
    found = re.findall(rf"<td>([a-z ]+)</td>{share}", render_html(report))
    return {name: (float(risk), float(low), float(high)) for name, risk, low, high in found}


def test_attacks_succeed_on_an_unprotected_release_and_fail_on_a_protected_one() -> None:
    bare, good = risks_on_the_page(report_of(1)), risks_on_the_page(report_of(25))
    names = ["singling out", "singling out by guess", "linkability", "inference of illness"]
    assert list(bare) == list(good) == names
    assert all(low <= risk <= high for risk, low, high in (*bare.values(), *good.values()))
    assert bare["singling out"][1] > 50
    assert all(bare[name][1] > 5 for name in names)
    # No attack on the good release is known to succeed at all, and each succeeds less than the other's surely does.
    assert all(good[name][1] == 0 and good[name][0] < bare[name][1] for name in names)


def test_a_column_that_identifies_rows_is_named() -> None:
    data = json.loads(render_json(report_of(5)))["korean_guideline"]["5_safe_management"]
    assert data["추가정보 · Additional information"].startswith("The release holds no key")
    table = people().assign(score=np.random.default_rng(1).normal(size=400))
    spec = make_spec(5)
    spec = spec.model_copy(
        update={"columns": {**spec.columns, "score": ColumnSpec(role="insensitive", is_confirmed=True)}}
    )
    made = anonymize(table, spec)
    report = make_report(table, made.table, spec, 0, "people")
    data = json.loads(render_json(report))["korean_guideline"]["5_safe_management"]
    assert "A person who knows values of score" in data["추가정보 · Additional information"]


def test_the_report_of_a_refused_release_shows_refused() -> None:
    table, spec = people(), make_spec(5)
    report = make_report(table, table.drop(columns=["name", "wage"]).astype(str), spec, 0, "people")
    assert not report.verdict.is_passed
    assert '<b class="no">refused</b>' in render_html(report)
    assert "REFUSED" in json.loads(render_json(report))["iso_27559"]["8.3_mitigation"]["Verification"]


def test_the_same_release_gives_the_same_bytes() -> None:
    one, two = report_of(5), report_of(5)
    assert render_json(one) == render_json(two)
    assert render_html(one) == render_html(two)


def test_every_question_has_a_context_field_and_a_risk_above_one_is_refused() -> None:
    assert set(QUESTIONS) == set(Context.model_fields)
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Context(highest_acceptable_risk=5)
