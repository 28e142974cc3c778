"""Tables with identifiers, free text or nested values are refused; unusual values are released."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from privacy.anonymity import Spec, anonymize
from privacy.anonymity.errors import SpecError
from privacy.anonymity.report.html_page import render_html
from privacy.anonymity.report.measurement import make_report

STRANGE = (
    "*",
    "{a|b}",
    "[1-2]",
    "[a-b]",
    "(missing)",
    "",
    " ",
    "a|b",
    "-",
    "1-2",
    "a",
    "b",
    "1",
    "-1",
    "x\n",
    "é",
    None,
)


def spec_of(columns: dict[str, Any] | None = None, **more: Any) -> Spec:
    roles = {"age": {"role": "quasi", "is_ordered": True}, "ill": {"role": "sensitive"}, **(columns or {})}
    return Spec.model_validate({"columns": roles, "models": [{"name": "k_anonymity", "k": 4}], "effort": 1, **more})


def people(rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(2)
    return pd.DataFrame({"age": random.integers(18, 30, rows), "ill": random.choice(["flu", "cold"], rows)})


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"\xff", np.array([1])])
def test_lists_and_records_as_values_are_refused_even_when_confirmed(value: object) -> None:
    table = people().assign(other=[value] * 60)
    with pytest.raises(SpecError, match="flatten it"):
        anonymize(table, spec_of({"other": {"role": "insensitive", "is_confirmed": True}}))
    assert "other" not in anonymize(table, spec_of({"other": {"role": "identifying"}})).table


@pytest.mark.parametrize("rows", [8, 60])
@pytest.mark.parametrize("role", ["insensitive", "sensitive", "quasi"])
def test_identifiers_are_refused_among_other_values_and_in_small_tables(rows: int, role: str) -> None:
    mixed = [["kim@example.com", "010-1234-5678", "none", "unknown"][i % 4] for i in range(rows)]
    with pytest.raises(SpecError, match=r"e-mail addresses|telephone numbers"):
        anonymize(people(rows).assign(contact=mixed), spec_of({"contact": {"role": role}}))
    harmless = people(rows).assign(contact=[["shop", "web", "none", "unknown"][i % 4] for i in range(rows)])
    assert "contact" in anonymize(harmless, spec_of({"contact": {"role": "insensitive"}})).table


IDENTIFIERS = {
    "an e-mail address": "ha.neul@example.com",
    "an e-mail address in a sentence": "write to ha.neul@example.com",
    "a telephone number": "010-1234-5678",
    "a telephone number abroad": "+442071234567",
    "a resident registration number": "900101-1234567",
    "a payment card number": "1234 5678 1234 5678",
}


@pytest.mark.parametrize("role", ["insensitive", "sensitive", "quasi"])
@pytest.mark.parametrize("value", IDENTIFIERS.values(), ids=IDENTIFIERS.keys())
def test_one_direct_identifier_among_many_values_is_refused_in_every_role(value: str, role: str) -> None:
    mixed = ["none", "unknown"] * 29 + [value, "none"]
    with pytest.raises(SpecError, match="holds"):
        anonymize(people().assign(contact=mixed), spec_of({"contact": {"role": role}}))
    # Without the screen the value would be published: in a label, or in a cell.
    confirmed = spec_of({"contact": {"role": role, "is_confirmed": True}})
    published = anonymize(people().assign(contact=mixed), confirmed).table["contact"]
    assert published.str.contains(value, regex=False).any()


def test_full_names_as_a_quasi_identifier_are_refused_whatever_the_column_is_called() -> None:
    given, family = ["Kim", "Lee", "Park", "Choi", "Jung"], ["Minsu", "Jiwoo", "Seoyeon", "Haneul"]
    names = [f"{g} {f}{n % 3}" for n in range(3) for g in given for f in family]
    table = people().assign(contact=names)
    with pytest.raises(SpecError, match="holds texts like full names"):
        anonymize(table, spec_of({"contact": {"role": "quasi"}}))
    with pytest.raises(SpecError, match="is different in 100% of the rows"):
        anonymize(people().assign(contact=[name.lower() for name in names]), spec_of({"contact": {"role": "quasi"}}))
    # The contrast: numbers and dates may differ in every row, and so may texts under a hierarchy of their own.
    days = [f"19{n % 60 + 40}-01-{n % 28 + 1:02d}" for n in range(60)]
    assert len(anonymize(table.assign(contact=days), spec_of({"contact": {"role": "quasi"}})).table)


KOREAN = [a + b + c for a in "김이박최정" for b in "민서지하" for c in "수준영호우"]


@pytest.mark.parametrize("role", ["insensitive", "sensitive", "quasi"])
def test_names_are_refused_where_they_repeat_and_where_few_rows_have_one(role: str) -> None:
    repeated, few = [KOREAN[n % 100] for n in range(300)], ["none"] * 275 + KOREAN[:25]
    for names in (repeated, few):
        with pytest.raises(SpecError, match="like full names"):
            anonymize(people(300).assign(who=names), spec_of({"who": {"role": role}}))
    districts = [f"{part}{end}" for part in ("강남", "서초", "송파", "정자", "이천", "김포") for end in "구동읍면리"]
    table = people(300).assign(who=[districts[n % 30] for n in range(300)])
    assert len(anonymize(table, spec_of({"who": {"role": role}})).table)


def test_a_text_that_each_person_repeats_in_several_rows_tells_people_apart() -> None:
    table = people(300).assign(member=np.arange(300) // 5, code=[f"key {n // 5} x" for n in range(300)])
    with pytest.raises(SpecError, match="is different in 100%"):
        anonymize(table, spec_of({"code": {"role": "insensitive"}, "member": {"role": "identifying"}}, person="member"))
    # Negative control: without the person's column each text stands in five rows.
    assert "code" in anonymize(table, spec_of({"code": {"role": "insensitive"}})).table


TYPES: dict[str, Any] = {
    "category": lambda texts: pd.Categorical(texts),
    "string": lambda texts: pd.array(texts, dtype="string"),
    "arrow": lambda texts: pd.array(texts, dtype=pd.ArrowDtype(pa.string())),
    "dictionary": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
}


@pytest.mark.parametrize("make", TYPES.values(), ids=TYPES.keys())
def test_identifiers_are_found_whatever_pandas_calls_their_type(make: Any) -> None:
    mixed = ["none", "unknown"] * 29 + ["kim@example.com", "none"]
    with pytest.raises(SpecError, match="holds e-mail addresses"):
        anonymize(people().assign(contact=make(mixed)), spec_of({"contact": {"role": "quasi"}}))


@pytest.mark.parametrize("kind", ["int64", "float64", "Int64", "object"])
def test_telephone_numbers_stored_as_numbers_are_refused(kind: str) -> None:
    numbers = pd.Series([1012340000 + n for n in range(60)], dtype=kind)
    if kind != "int64":
        numbers[::9] = None
    with pytest.raises(SpecError, match="holds telephone numbers"):
        anonymize(people().assign(contact=numbers), spec_of({"contact": {"role": "quasi", "is_ordered": True}}))


@pytest.mark.parametrize("name", ["Customer_Name", "성명", "customer_id", "휴대폰 번호", "E-Mail"])
def test_columns_named_like_identifiers_are_refused(name: str) -> None:
    """Names of people repeat and have no form of their own, so only the column's name shows them."""
    table = people().assign(**{name: [["Kim Minsu", "Lee Jiwoo"][i % 2] for i in range(60)]})
    with pytest.raises(SpecError, match="named like an identifier"):
        anonymize(table, spec_of({name: {"role": "insensitive"}}))
    assert name in anonymize(table, spec_of({name: {"role": "insensitive", "is_confirmed": True}})).table
    assert (
        "product_name"
        in anonymize(
            table.rename(columns={name: "product_name"}), spec_of({"product_name": {"role": "insensitive"}})
        ).table
    )


def test_duplicate_index_entries_and_column_names_are_refused() -> None:
    table = people()
    with pytest.raises(SpecError, match="reset_index"):
        anonymize(table.set_index(pd.Index([0] * len(table))), spec_of())
    with pytest.raises(SpecError, match=r"several columns named \['age'\]"):
        anonymize(pd.concat([table, table[["age"]]], axis=1), spec_of())


@pytest.mark.parametrize("role", ["quasi", "sensitive", "insensitive"])
def test_the_person_column_is_never_released(role: str) -> None:
    with pytest.raises(ValidationError, match="is never released; make its role `identifying`"):
        spec_of({"member": {"role": role}}, person="member")
    table = people().assign(member=np.arange(60) // 2)
    assert "member" not in anonymize(table, spec_of({"member": {"role": "identifying"}}, person="member")).table


def test_hierarchical_distances_without_a_hierarchy_are_refused() -> None:
    model = {"name": "t_closeness", "t": 0.3, "column": "ill", "distance": "hierarchical"}
    with pytest.raises(SpecError, match="need hierarchies of kind `file`"):
        anonymize(people(), spec_of(models=[model]))


@pytest.mark.parametrize("is_ordered", [False, True])
def test_values_that_look_like_labels_are_released_and_reported(is_ordered: bool) -> None:
    random = np.random.default_rng(4)
    table = pd.DataFrame({name: random.choice(np.array(STRANGE, object), 80) for name in ("one", "two", "ill")})
    columns = {name: {"role": "quasi", "is_ordered": is_ordered} for name in ("one", "two")}
    models = [{"name": "k_anonymity", "k": 4}]
    spec = Spec.model_validate({"columns": {**columns, "ill": {"role": "sensitive"}}, "models": models, "effort": 1})
    made = anonymize(table, spec)
    assert made.table.groupby(["one", "two"]).size().min() >= 4
    assert render_html(make_report(table, made.table, spec, 0, "strange"))


def test_infinity_is_released_as_a_value() -> None:
    table = people().astype({"age": float})
    table.loc[:10, "age"] = np.inf
    made = anonymize(table, spec_of()).table
    assert made["age"].str.contains("inf").any()
    assert not made["age"].str.contains(".0", regex=False).all()


def test_a_cell_that_reads_like_a_null_is_kept_apart_from_a_null() -> None:
    table = pd.DataFrame({"one": ["(missing)", None] * 20, "ill": ["flu", "cold"] * 20})
    spec = Spec.model_validate(
        {
            "columns": {"one": {"role": "quasi"}, "ill": {"role": "sensitive"}},
            "models": [{"name": "k_anonymity", "k": 4}],
        }
    )
    made = anonymize(table, spec).table
    assert made.groupby("one")["ill"].unique().map(list).to_dict() == {'"(missing)"': ["flu"], "(missing)": ["cold"]}


def test_a_column_of_unique_fractions_is_not_insensitive() -> None:
    table = people().assign(spent=np.linspace(10.01, 99.99, 60))
    with pytest.raises(SpecError, match="is different in 100% of the rows"):
        anonymize(table, spec_of({"spent": {"role": "insensitive"}}))
    assert "spent" in anonymize(table, spec_of({"spent": {"role": "sensitive"}})).table
