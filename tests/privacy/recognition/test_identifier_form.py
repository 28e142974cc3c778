"""Direct identifiers are recognised in every usual spelling, and amounts, dates and codes are not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from privacy.recognition import identifier_form
from privacy.recognition.concept import find_concept
from privacy.recognition.identifier_form import find_identifier_form

IDENTIFIERS = {
    "e-mail addresses": (
        "user@x.com", "USER@X.COM", "Kim <user@x.com>", "user@회사.한국", "user＠x.com", "사용자@x.com",
        "user@intranet",
        "user (at) x.com", "user[at]x.com", "user @ x.com",
    ),
    "user names": ("@user_1",),
    "resident registration numbers": ("900101-1234567", "9001011234567", "900101 1234567", "번호 900101-1234567"),
    "social security numbers": ("123-45-6789",),
    "payment card numbers": ("4111 1111 1111 1111", "4111.1111.1111.1111", "4111-1111-1111-1111", "3782 822463 10005"),
    "telephone numbers": (
        "010-1234-5678", "010 1234 5678", "010.1234.5678", "01012345678", "(010) 1234-5678", "010–1234–5678",
        "０１０－１２３４－５６７８", "010\u200b1234\u200b5678", "010/1234/5678", "0 1 0 1 2 3 4 5 6 7 8",
        "tel:010-1234-5678",
        "+82 10 1234 5678", "+82(0)10-1234-5678", "821012345678 home", "02-123-4567", "02-1234-5678", "031-123-4567",
        "(031)123-4567", "070-1234-5678", "0212345678", "555-123-4567", "(555) 123-4567", "555.123.4567",
        "+1 555 123 4567", "+44 20 7946 0958", "+442079460958", "00442079460958", "020 7946 0958", "0171 1234567",
        "090-1234-5678",
    ),
    "bank account numbers": ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
    "account or licence numbers": ("110-123-456789", "11-12-123456-01", "123-45-67890"),
    "passport or member numbers": ("M12345678", "m123456789", "AB1234567 8 M12345678"),
    "internet addresses of devices": ("192.168.0.1", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "00:1a:2b:3c:4d:5e"),
    "identifiers of devices or records": (
        "123e4567-e89b-12d3-a456-426614174000", "c_00ff00ff00ff00ff", "d41d8cd98f00b204e9800998ecf8427e",
    ),
}  # fmt: skip
HARMLESS = (
    "none", "", "-", "서울특별시 강남구 역삼동", "2026-11-29", "2026-11-29 10:00:00", "29-11-2026", "01/02/2026",
    "10:00:00",
    "20261129", "12.5", "-3", "1e-5", "150000000", "1012345678.25", "10000-20000", "30000000-40000000",
    "1,000,000", "[18-25)",
    "{a|b}", "(missing)", "12345", "12345-6789", "C34.1", "E11.9", "A10BA02", "v2.10.3", "K00042", "SKU-0012-77",
    "5-9 years", "50% off @ checkout", "3 @ 5", "x::y", "3+ times", "P001234", "under 30", "2026-W48", "2026-Q4",
    "1/2", "N/A",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in IDENTIFIERS.items() for text in texts])
def test_every_spelling_of_an_identifier_is_recognised_among_other_values(kind: str, text: str) -> None:
    assert find_identifier_form(pa.array(["none", None, text, "12"])) == kind


def test_amounts_dates_and_codes_are_no_identifiers() -> None:
    assert [text for text in HARMLESS if find_identifier_form(pa.array([text]))] == []


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("telephone numbers", [1012345678, 1187654321, 3]),
        ("telephone numbers", [821012345678]),
        ("resident registration numbers", [9001011234567, 102033123456]),
        ("payment card numbers", [4111111111111111, 378282246310005]),
    ],
)
def test_identifiers_stored_as_numbers_are_recognised(kind: str, numbers: list[int]) -> None:
    assert find_identifier_form(pa.array(map(str, numbers))) == kind
    # One amount that looks like it by chance is no evidence.
    others = [str(150_000_000_000 + number) for number in range(8)]
    assert find_identifier_form(pa.array([str(numbers[0]), *others])) is None


def test_without_the_plain_form_wide_and_dashed_spellings_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control.
    monkeypatch.setattr(identifier_form, "plain_texts", lambda texts: texts)
    for text in ("０１０－１２３４－５６７８", "010–1234–5678", "010\u200b1234\u200b5678"):
        assert find_identifier_form(pa.array([text])) is None


@pytest.mark.parametrize(
    "header",
    [
        "client_name", "CUST_NM", "고객 성명", "E-Mail Adresse", "email_1", "emails", "work email", "phone_no",
        "tel_no",
        "mobile_no", "cellphone", "hp_no", "핸드폰번호", "연락처1", "patient_name", "customer no", "member_no",
        "memberId",
        "회원 ID", "nickname", "account_no", "계좌", "social_security_number", "passport_no", "여권", "카드번호",
        "ip_addr",
        "cookie", "imei", "address1", "home_address", "상세주소", "이름(국문)", "영문이름", "姓名", "氏名",
        "電話番号", "メール",
        "Vorname", "Nachname", "Telefon", "Straße", "license_plate", "차량번호", "fax_no",
    ],
)  # fmt: skip
def test_headers_of_direct_identifiers_are_recognised(header: str) -> None:
    found = find_concept(header)
    assert found is not None
    assert found.role == "direct"


@pytest.mark.parametrize(
    "header",
    ["product_name", "store_name", "상품명", "phone_type", "email_domain", "company_address", "age", "zip", "illness",
     "ip_count", "mobile_os", "card_type", "region", "visit_count", "device_class"],
)  # fmt: skip
def test_headers_of_things_and_properties_are_not(header: str) -> None:
    found = find_concept(header)
    assert found is None or found.role != "direct"
