"""Numbers as people write them: the contract's format decides, and no other form is guessed."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.number_text import plain_column, plain_number
from pipelines.ingest.value_fault import ValueFaultError
from privacy.contract.column import NumberFormat

GERMAN = NumberFormat(",", ".", ("€", "EUR"), ("trailing",))
KOREAN = NumberFormat(".", ",", ("₩", "KRW", "원"), ("parentheses",))


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("₩1,234,000", KOREAN, "1234000"),
        ("-₩900", KOREAN, "-900"),
        ("₩-900", KOREAN, "-900"),
        ("₩ 900", KOREAN, "900"),
        ("900원", KOREAN, "900"),
        ("KRW 900", KOREAN, "900"),
        ("(3,500)", KOREAN, "-3500"),
        ("₩(3,500)", KOREAN, "-3500"),
        ("(₩3,500)", KOREAN, "-3500"),
        ("￦１，２３４", KOREAN, "1234"),
        ("−5", KOREAN, "-5"),
        ("1.234,50 €", GERMAN, "1234.50"),
        ("1.234,50\u00a0€", GERMAN, "1234.50"),
        ("1234,5", GERMAN, "1234.5"),
        ("1.234", GERMAN, "1234"),
        ("12,50-", GERMAN, "-12.50"),
        ("1\u202f234,5", NumberFormat(",", " "), "1234.5"),
        ("12’345.5", NumberFormat(thousands="'"), "12345.5"),
        ("12.5%", NumberFormat(percent=True), "0.125"),
        ("-12,5 %", NumberFormat(",", percent=True), "-0.125"),
        ("1e-5", None, "1e-5"),
    ],
)
def test_a_number_is_read_in_the_format_of_the_contract(text: str, form: NumberFormat | None, expected: str) -> None:
    assert plain_number(text, form) == expected


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1,23,4", KOREAN),
        ("12,34,567", KOREAN),
        ("1,2345", KOREAN),
        ("1,234,", KOREAN),
        ("1,50", KOREAN),
        ("--5", KOREAN),
        ("-(5)", KOREAN),
        ("(5", KOREAN),
        ("5-", KOREAN),
        ("₩5원", KOREAN),
        ("$5", KOREAN),
        ("1.23", GERMAN),
        ("1,234.50", GERMAN),
        ("5–", GERMAN),
        ("5", NumberFormat(percent=True)),
        ("5%", KOREAN),
        ("", KOREAN),
        ("₩", KOREAN),
        ("10²", None),
        ("½", None),
    ],
)
def test_a_number_in_another_form_is_refused(text: str, form: NumberFormat | None) -> None:
    with pytest.raises(ValueFaultError):
        plain_number(text, form)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("₩1,234,000", "currency sign, thousands separator"),
        ("$4.50", "currency sign"),
        ("EUR 5", "currency sign"),
        ("5 kr", "currency sign"),
        ("1,50", "decimal comma"),
        ("1.234,50", "thousands separator, decimal comma"),
        ("1.234.567", "thousands separator"),
        ("1 234", "thousands separator"),
        ("1,234", "thousands separator or decimal comma"),
        ("(3500)", "parentheses"),
        ("12%", "percent"),
        ("900-", "trailing minus"),
        ("1,23,4", "digits in irregular groups"),
    ],
)
def test_the_reason_names_the_form_and_how_to_state_it_without_the_value(text: str, named: str) -> None:
    with pytest.raises(ValueFaultError) as caught:
        plain_number(text, None)
    assert caught.value.fault == ("number_format", f"{named}: state numberFormat in the contract")


@pytest.mark.parametrize("text", ["2017-01-01", "abc", "0x1F", "1_000", "NaN", "12 pieces", "-", ""])
def test_a_text_that_is_no_number_has_no_reason_about_its_form(text: str) -> None:
    with pytest.raises(ValueFaultError) as caught:
        plain_number(text, None)
    assert caught.value.fault is None


FORMS = st.builds(
    NumberFormat,
    st.sampled_from([".", ","]),
    st.sampled_from(["", " ", "'", ".", ","]),
    st.sampled_from([(), ("€",), ("R$", "BRL")]),
    st.sampled_from([(), ("parentheses",), ("trailing",), ("parentheses", "trailing")]),
    st.booleans(),
).filter(lambda form: form.decimal != form.thousands)


@given(st.decimals(-(10**9), 10**9, places=2), FORMS, st.data())
def test_a_written_number_is_read_as_the_same_number(number: Decimal, form: NumberFormat, data: st.DataObject) -> None:
    shown = f"{abs(number) * (100 if form.percent else 1):,f}"
    shown = shown.translate(str.maketrans({",": form.thousands, ".": form.decimal}))
    shown += " %" if form.percent else ""
    if form.currency:
        sign = data.draw(st.sampled_from(form.currency))
        shown = data.draw(st.sampled_from([f"{sign}{shown}", f"{sign} {shown}", f"{shown} {sign}", shown]))
    if number < 0:
        ways = [f"-{shown}"]
        ways += [f"({shown})"] if "parentheses" in form.negative else []
        ways += [f"{shown}-"] if "trailing" in form.negative and shown[-1].isdigit() else []
        shown = data.draw(st.sampled_from(ways))
    assert Decimal(plain_number(shown, form)) == number


@given(st.lists(st.from_regex(r"-?[0-9]{1,4}([., '][0-9]{2,3}){0,3}", fullmatch=True), max_size=4), FORMS)
def test_a_column_is_read_at_once_only_as_its_values_are_read_alone(texts: list[str], form: NumberFormat) -> None:
    column = plain_column(pa.array(texts, pa.string()), form)
    if column is not None:
        assert column.to_pylist() == [plain_number(text, form) for text in texts]
