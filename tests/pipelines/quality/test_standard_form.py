"""Tests standard forms and imputation on both engines, with the value functions as oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation.contract.document import Column, Contract, Impute, Standardise
from pipelines.engine.session import Engine
from pipelines.quality.address_form import tidy_address
from pipelines.quality.errors import QualityError
from pipelines.quality.imputation import impute_frame, to_standard
from pipelines.quality.standard_form import standardise_frame, text_forms
from tests.pipelines.quality import shop

MESSY = {
    "phone": ["010-0123-4567", "+82 10 0123 4567", "1", None, "(02) 123-4567"],
    "email": [" A.B@Mail.Example ", "nobody", None, "x@y.kr", ""],
    "name": ["김 민준", "Min-jun   KIM", None, "\u1100\u1161", " "],
    "address": [
        "서울시 강남구 테헤란로12 (역삼동)",
        "경기 성남시 정자동12-3번지",
        None,
        "",
        "1 Main-daero, Seoul",
    ],
    "hangul": ["\u1112\u1161\u11ab\u1100\u1173\u11af", "한글", None, "two\nlines", " "],
    "date": ["1985.3.2", "19850302", "1985-02-31", None, "soon"],
    "sex": ["여", "M", "1", "9", None],
    "boolean": ["Y", "아니오", "?", None, "1"],
    "postal_code": ["06236", "6236.0", None, "135-080", " 06236 "],
}


def contract_of(folder: Path, *columns: Column) -> Contract:
    return replace(shop.contracts(folder)[0], columns=columns)


def column(name: str, spark_type: str = "string", logical: str = "string", **rules: object) -> Column:
    return replace(
        Column(name=name, header=name, logical_type=logical, spark_type=spark_type, category="pd:Name"),
        **rules,  # type: ignore[arg-type]  # fields of Column
    )


def test_text_columns_get_the_results_of_the_value_functions(engine: Engine, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, *(column(rule, standardise=Standardise(rule)) for rule in MESSY))
    rows = list(zip(*MESSY.values(), strict=True))
    frame = engine.spark.createDataFrame(rows, ", ".join(f"`{rule}` string" for rule in MESSY))
    found = standardise_frame(frame, contract).toArrow().to_pydict()
    forms = text_forms()
    assert set(forms) == set(MESSY)
    for rule, texts in MESSY.items():
        assert found[rule] == [None if text is None else forms[rule](text) for text in texts], rule


def test_trim_lower_and_upper_give_null_for_blank_text(engine: Engine, tmp_path: Path) -> None:
    contract = contract_of(
        tmp_path, *(column(rule, standardise=Standardise(rule)) for rule in ("trim", "lower", "upper"))
    )
    texts = [(" Ab ", " Ab ", " Ab "), (" ", "", None)]
    frame = engine.spark.createDataFrame(texts, "trim string, lower string, upper string")
    rows = [tuple(row) for row in standardise_frame(frame, contract).collect()]
    assert rows == [("Ab", "ab", "AB"), (None, None, None)]


SLIPS = [
    # (options, bronze values, silver values)
    (
        {"from": "g", "to": "kg", "factor": 0.001, "above": 100},
        [1500.0, 2.5, 100.0, None],
        [1.5, 2.5, 100.0, None],
    ),
    (
        {"from": "ms", "to": "s", "factor": 0.001, "above": 7200},
        [12000.0, 12.0, None, 0.0],
        [12.0, 12.0, None, 0.0],
    ),
    (
        {"from": "fahrenheit", "to": "celsius", "factor": 5 / 9, "offset": -160 / 9, "above": 45},
        [95.0, 35.0, -5.0, None],
        [35.0, 35.0, -5.0, None],
    ),
    (
        {"from": "m", "to": "cm", "factor": 100, "below": 3},
        [1.7, 170.0, None, 3.0],
        [170.0, 170.0, None, 3.0],
    ),
]


@pytest.mark.parametrize(("options", "arrived", "expected"), SLIPS)
def test_values_in_a_wrong_unit_are_converted_and_others_unchanged(
    engine: Engine,
    tmp_path: Path,
    options: dict[str, str | float],
    arrived: list[float | None],
    expected: list[float | None],
) -> None:
    rule = Standardise("unit", options)
    contract = contract_of(tmp_path, column("x", "double", "number", standardise=rule))
    frame = engine.spark.createDataFrame([(value,) for value in arrived], "x double")
    found = [row["x"] for row in standardise_frame(frame, contract).collect()]
    assert [None if value is None else pytest.approx(value, abs=1e-9) for value in expected] == found


def test_imputed_values_are_flagged_and_others_are_not(engine: Engine, tmp_path: Path) -> None:
    contract = contract_of(
        tmp_path,
        column("weight", "double", "number", impute=Impute("median")),
        column("visits", "int", "integer", impute=Impute("median")),
        column("medium", impute=Impute("mode")),
        column("referrer", impute=Impute("constant", "direct")),
        column("nothing", "int", "integer", impute=Impute("median")),
        column("void", impute=Impute("mode")),
    )
    rows = [(1.0, 2, "a", "x", None, None), (2.0, 3, "b", None, None, None),
            (None, None, "b", "y", None, None),
            (4.0, 3, "a", "z", None, None), (8.0, 2, None, None, None, None)]  # fmt: skip
    names = ("weight", "visits", "medium", "referrer", "nothing", "void")
    frame = engine.spark.createDataFrame(
        rows, "weight double, visits int, medium string, referrer string, nothing int, void string"
    )
    filled = impute_frame(frame, contract)
    assert dict(filled.dtypes)["visits"] == "int"
    found = filled.toArrow().to_pydict()
    # Medians 3.0 and 2.5 (rounded up to a whole number of visits); of a and b, twice each, the smaller.
    assert found["weight"] == [1.0, 2.0, 3.0, 4.0, 8.0]
    assert found["visits"] == [2, 3, 3, 3, 2]
    assert found["medium"] == ["a", "b", "b", "a", "a"]
    assert found["referrer"] == ["x", "direct", "y", "z", "direct"]
    assert found["nothing"] == [None] * 5
    assert found["void"] == [None] * 5
    for name in names:
        arrived = [row[names.index(name)] for row in rows]
        expected = [a is None and b is not None for a, b in zip(arrived, found[name], strict=True)]
        assert found[f"{name}_is_imputed"] == expected, name


def test_values_are_standardised_before_the_median_is_taken(engine: Engine, tmp_path: Path) -> None:
    rule = Standardise("unit", {"from": "g", "to": "kg", "factor": 0.001, "above": 100})
    contract = contract_of(tmp_path, column("kg", "double", "number", standardise=rule, impute=Impute("median")))
    frame = engine.spark.createDataFrame([(1000.0,), (2.0,), (3.0,), (None,)], "kg double")
    found = [(row["kg"], row["kg_is_imputed"]) for row in to_standard(frame, contract).collect()]
    assert found == [(1.0, False), (2.0, False), (3.0, False), (2.0, True)]


def test_columns_that_the_frame_lacks_are_skipped(sail: Engine, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, column("phone", standardise=Standardise("phone")), column("b"))
    frame = sail.spark.createDataFrame([("x",)], "b string")
    assert to_standard(frame, contract).columns == ["b"]


def test_an_unknown_form_or_imputation_is_refused_by_name(sail: Engine, tmp_path: Path) -> None:
    frame = sail.spark.createDataFrame([("x",)], "b string")
    contract = contract_of(tmp_path, column("b", standardise=Standardise("rot13")))
    with pytest.raises(QualityError, match=r"'b' names the unknown standard form 'rot13'; expected one of"):
        standardise_frame(frame, contract)
    contract = contract_of(tmp_path, column("b", impute=Impute("guess")))
    with pytest.raises(QualityError, match="unknown imputation method 'guess'; expected constant, median or mode"):
        impute_frame(frame, contract)


@given(st.text(alphabet="서울시강남구테헤란로동길번지호 ,()-0123456789ABab", max_size=40))
@settings(max_examples=300)
def test_tidying_an_address_twice_changes_nothing(text: str) -> None:
    once = tidy_address(text)
    assert once is None or tidy_address(once) == once
