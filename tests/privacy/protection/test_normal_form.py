import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.protection.normal_form import (
    normalise_email,
    normalise_identifier,
    normalise_name,
    normalise_phone,
    normalise_text,
    normaliser,
    phone_numbers,
)


@pytest.mark.parametrize(
    "text",
    [
        "010-1234-5678",
        "01012345678",
        "010 1234 5678",
        "+82 10-1234-5678",
        "+82 (0)10 1234 5678",
        "８２-１０-1234-5678",
        "010.1234.5678",
    ],
)
def test_spellings_of_one_phone_have_one_normal_form(text: str) -> None:
    assert normalise_phone(text) == "+821012345678"


@pytest.mark.parametrize("mark", [" / ", "/", ",", "; ", " ", " 또는 ", "(집) ", " or "])
@given(first=st.integers(0, 10**8 - 1), second=st.integers(0, 10**8 - 1))
def test_of_a_field_with_two_phones_the_first_counts(mark: str, first: int, second: int) -> None:
    one, other = (f"010-{number // 10**4:04d}-{number % 10**4:04d}" for number in (first, second))
    assert normalise_phone(one + mark + other) == normalise_phone(one)
    assert phone_numbers(one + mark + other) == tuple(dict.fromkeys(map(normalise_phone, (one, other))))


@pytest.mark.parametrize("text", ["02-555-0100/1", "02-555-0100~2", "02 555 0100, 101", "02-555-0100 (회사)"])
def test_the_last_digits_of_a_second_phone_are_no_part_of_the_first(text: str) -> None:
    assert phone_numbers(text) == ("+8225550100",)


@pytest.mark.parametrize("text", ["010/1234/5678", "010-1234/5678", "+82/10/1234/5678"])
def test_a_slash_within_a_phone_separates_nothing(text: str) -> None:
    assert phone_numbers(text) == ("+821012345678",)


@pytest.mark.parametrize("text", ["8.21012E+11", "8.21012345678E+11", "1.012E+09", "", "12"])
def test_a_damaged_number_is_no_phone(text: str) -> None:
    assert phone_numbers(text) == ()


def by_the_plan(text: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(text, "KR"), phonenumbers.PhoneNumberFormat.E164)


@given(st.sampled_from(["010", "011", "016", "019"]), st.integers(0, 10**8 - 1))
def test_the_fast_path_agrees_with_the_numbering_plan(prefix: str, number: int) -> None:
    text = f"{prefix}-{number:08d}"
    assert normalise_phone(text) == by_the_plan(text)


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("02-312-3456", "KR", "+8223123456"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("+1 212 555 0123", "KR", "+12125550123"),
        ("010-1234-5678", "US", None),
        ("no phone", "KR", None),
        ("", "KR", None),
        ("12", "KR", None),
    ],
)
def test_other_numbers_follow_the_plan_of_their_country(text: str, region: str, expected: str | None) -> None:
    assert normalise_phone(text, region) == expected


def test_emails_ignore_case_width_and_spaces() -> None:
    assert normalise_email(" Ｋim@Example.COM") == "kim@example.com"
    assert [normalise_email(text) for text in ("", "kim", "@x", "a@b@c")] == [None] * 4


def test_names_ignore_case_form_and_the_space_after_a_hangul_family_name() -> None:
    decomposed = "\u1100\u1175\u11b7 \u1112\u1161\u1102\u1173\u11af"
    assert normalise_name(decomposed) == normalise_name("김하늘") == "김하늘"
    assert normalise_name("  Anna  LEE ") == "anna lee"
    assert normalise_name("AnnaLee") != normalise_name("Anna Lee")
    assert normalise_name("  ") is None


def test_identifiers_ignore_hyphens_and_case() -> None:
    assert normalise_identifier("d_0a-B ") == "D0AB"
    assert normaliser("card_no")("9410-0000") == "94100000"


@given(st.text(), st.sampled_from(["phone", "email", "name", "member_no"]))
def test_a_normal_form_is_its_own_normal_form(text: str, kind: str) -> None:
    form = normaliser(kind)(text)
    if form is not None:
        assert normaliser(kind)(form) == form


@given(st.text())
def test_normal_text_has_no_outer_or_double_spaces(text: str) -> None:
    form = normalise_text(text)
    assert form is None or form == " ".join(form.split())
