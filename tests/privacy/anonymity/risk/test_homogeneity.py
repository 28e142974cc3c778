"""What the classes of a release reveal is measured and said, whether or not a model was asked to limit it."""

import pandas as pd
import pytest

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.report.document import report_dict
from privacy.anonymity.report.html_page import render_html
from privacy.anonymity.report.measurement import make_report
from privacy.anonymity.risk.homogeneity import measure_homogeneity

MODELS = [{"name": "k_anonymity", "k": 2}]


def spec_of(*more: dict[str, object]) -> Spec:
    columns = {"age": {"role": "quasi", "is_ordered": True}, "ill": {"role": "sensitive"}}
    return Spec.model_validate({"columns": columns, "models": [*MODELS, *more], "effort": 1})


def test_homogeneity_equals_hand_computed_values() -> None:
    published = pd.DataFrame({"age": ["a", "a", "b", "b", "b"], "ill": ["flu", "flu", "flu", "cold", None]})
    (found,) = measure_homogeneity(published, published, spec_of())
    assert (found.homogeneous_rows, found.fewest_values, found.largest_share) == (0.4, 1, 1.0)
    # Class a: flu 1 against .6, so .4. Class b: flu 1/3 against .6, cold and null 1/3 against .2 each, so .267.
    assert found.largest_distance == pytest.approx(0.4)
    assert found.models == ()


def people() -> pd.DataFrame:
    return pd.DataFrame({"age": [31, 31, 32, 60, 61, 62], "ill": ["hiv", "hiv", "hiv", "flu", "cold", "flu"]})


def test_a_release_that_passed_says_which_values_it_reveals_and_what_was_not_asked() -> None:
    made = anonymize(people(), spec_of())
    report = make_report(people(), made.table, spec_of(), made.suppressed, "title")
    page = render_html(report)
    assert made.verdict.is_passed
    assert report.homogeneity[0].homogeneous_rows > 0.3
    assert "Not asked for:" in page
    assert "no model was asked to limit this" in page
    assert report_dict(report)["figures"]["homogeneity"][0]["fewest_values"] == 1


def test_a_release_with_l_diversity_has_no_homogeneous_class_and_nothing_left_to_ask() -> None:
    spec = spec_of({"name": "distinct_l", "l": 2, "column": "ill"})
    made = anonymize(people(), spec)
    report = make_report(people(), made.table, spec, made.suppressed, "title")
    assert (report.homogeneity[0].homogeneous_rows, report.homogeneity[0].models) == (0.0, ("distinct_l",))
    assert "Not asked for:" not in render_html(report)
