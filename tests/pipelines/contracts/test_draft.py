"""Drafts of files about invented people. No value of a likely identifier may appear in a draft."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from installation.contract.document import Column, Contract, load_contracts
from pipelines.contracts.check import CheckResult, check_contracts
from privacy.recognition.column_name import name_column, name_columns, romanise
from pipelines.contracts.draft import draft
from pipelines.contracts.file_sample import DraftError

ROWS = 60
START = datetime(2017, 3, 1, 9, 30)  # local wall time
PEOPLE: list[dict[str, str]] = [
    {
        "회원번호": f"M{number:09d}",
        "성명": "김이박최정"[number % 5] + "하서도윤지"[number % 4] + "린우현아"[number % 3],
        "휴대폰번호": f"010-{2000 + number}-{7000 - number}",
        "이메일": f"person{number}@example.com",
        "주민등록번호": f"9{number % 10}0{1 + number % 9}1{number % 10}-2{100000 + number}",
        "카드번호": "4111-1111-1111-1111",
        "생년월일": f"19{60 + number % 40}-0{1 + number % 9}-1{number % 10}",
        "성별": "남여"[number % 2],
        "주소": f"서울특별시 종로구 세종대로 {100 + number}",
        "우편번호": f"0{3000 + number}",
        "주문금액": str(1000 * number),
        "할인율": f"{number / 7:.3f}",
        "회원등급": ["일반", "우수", "최우수"][number % 3],
        "주문일시": f"{START + timedelta(hours=number):%Y-%m-%d %H:%M:%S}",
        "담당자": ["박서연", "이도현"][number % 2],
    }
    for number in range(ROWS)
]
SECRETS = (
    "회원번호",
    "성명",
    "휴대폰번호",
    "이메일",
    "주민등록번호",
    "카드번호",
    "생년월일",
    "주소",
    "우편번호",
    "담당자",
)


def write_csv(path: Path, encoding: str, delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(PEOPLE[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(PEOPLE)
    return path


def check_draft(path: Path, name: str) -> tuple[Contract, CheckResult, str]:
    text = draft(path, name)
    folder = path.parent / "contracts"
    folder.mkdir(exist_ok=True)
    (folder / f"source_{name}.odcs.yaml").write_text(text, "utf-8")
    return load_contracts([folder]).source(name), check_contracts([folder]), text


def shape(column: Column) -> tuple[str, str, str | None]:
    return (column.category, column.role, column.token)


@pytest.mark.parametrize(
    ("encoding", "delimiter", "named"),
    [
        ("cp949", ",", "CP949"),
        ("utf-8", ";", "UTF-8"),
        ("utf-8-sig", "\t", "UTF-8-BOM"),
        ("cp949", "|", "CP949"),
    ],
)
def test_a_korean_csv_gives_a_valid_draft_in_every_encoding(
    encoding: str, delimiter: str, named: str, tmp_path: Path
) -> None:
    contract, result, text = check_draft(write_csv(tmp_path / "member.csv", encoding, delimiter), "member")
    assert result.faults == ()
    assert contract.file is not None
    assert (contract.file.encoding, contract.file.delimiter) == (named, delimiter)
    assert shape(contract.column("member_no")) == ("pd:AccountIdentifier", "direct", "member_no")
    assert shape(contract.column("name")) == ("pd:Name", "direct", "name")
    assert shape(contract.column("phone")) == ("pd:TelephoneNumber", "direct", "phone")
    assert shape(contract.column("email")) == ("pd:EmailAddress", "direct", "email")
    assert shape(contract.column("resident_no")) == ("pd:OfficialID", "direct", None)
    assert shape(contract.column("birth_date")) == ("pd:BirthDate", "quasi", None)
    assert shape(contract.column("address")) == ("pd:PhysicalAddress", "direct", None)
    assert shape(contract.column("postal_code")) == ("pd:PostalCode", "quasi", None)
    assert shape(contract.column("sex")) == ("pd:Gender", "quasi", None)
    assert contract.subject_key == "member_no"
    assert contract.primary_key == ("member_no",)
    assert contract.retention_column == "order_at"
    assert "PIPA art. 24-2" in text


def test_types_bounds_and_enumerations_are_guessed(tmp_path: Path) -> None:
    contract, _, _ = check_draft(write_csv(tmp_path / "member.csv", "cp949"), "member")
    amount = contract.column("order_amount")
    assert (amount.spark_type, amount.minimum, amount.maximum) == ("bigint", 0, 100_000)
    assert contract.column("discount_rate").spark_type == "double"
    assert contract.column("member_grade").enum == ("우수", "일반", "최우수")
    at = contract.column("order_at")
    assert (at.spark_type, at.date_format) == ("timestamp_ntz", "yyyy-MM-dd HH:mm:ss")
    assert contract.column("postal_code").spark_type == "string"
    assert contract.column("birth_date").spark_type == "date"


def test_no_value_of_a_likely_identifier_appears_in_a_draft(tmp_path: Path) -> None:
    _, _, text = check_draft(write_csv(tmp_path / "member.csv", "cp949"), "member")
    leaked = [value for person in PEOPLE for header in SECRETS if (value := person[header]) in text]
    assert leaked == []
    assert PEOPLE[0]["회원등급"] in text  # Control: a value that is not an identifier does appear.


def test_every_column_is_marked_as_a_guess_with_its_evidence(tmp_path: Path) -> None:
    contract, result, text = check_draft(write_csv(tmp_path / "member.csv", "cp949"), "member")
    assert {guess.column for guess in result.guesses} == {column.name for column in contract.columns}
    comments = re.findall(r"# guess: (.*)", text)
    assert "pd:EmailAddress because 100% of 60 values have the form of email" in comments


def test_identifiers_are_found_by_their_values_when_the_headers_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "d", "e"])
        for number, person in enumerate(PEOPLE):
            card = f"5555-5555-5555-{['4444', '5557'][0]}"
            writer.writerow([number, person["휴대폰번호"], person["이메일"], person["성명"], card])
    contract, _, text = check_draft(path, "x")
    found = [contract.column(name).category for name in "abcde"]
    expected = ["pd:TelephoneNumber", "pd:EmailAddress", "pd:Name", "pd:PaymentCardNumber"]
    assert found == ["dpv:PersonalData", *expected]
    assert "5555" not in text


@pytest.mark.parametrize("header", ["Loyalty #", "Member #", "Loyalty No.", "Kundennummer", "customer_number"])
def test_a_member_number_is_found_by_english_and_german_headers(header: str, tmp_path: Path) -> None:
    path = tmp_path / "refund.csv"
    path.write_text("\n".join([f"{header},Loyalty Points", *(f"00{n:05d},{n % 40}" for n in range(60))]), "utf-8")
    contract, _, _ = check_draft(path, "refund")
    number, points = contract.columns
    assert (number.token, number.category) == ("member_no", "pd:AccountIdentifier")
    assert points.token is None


def test_a_file_that_is_not_about_persons_gets_no_personal_column(tmp_path: Path) -> None:
    path = tmp_path / "store.csv"
    lines = ["store_id,store_name,address,latitude,opened_on,sales"]
    lines += [
        f"{n},Store {n},서울특별시 종로구 세종대로 {n},37.{n},2001-01-{1 + n % 28:02d},{n}.25" for n in range(1, 40)
    ]
    path.write_text("\n".join(lines), "utf-8")
    contract, result, text = check_draft(path, "store")
    assert result.faults == ()
    assert {column.category for column in contract.columns} == {"dpv:NonPersonalData"}
    assert contract.subject_key is None
    assert contract.column("sales").spark_type == "decimal(12,2)"
    assert "retention" not in text


def test_the_draft_leaves_the_purposes_of_free_text_to_a_human(tmp_path: Path) -> None:
    path = tmp_path / "ticket.csv"
    lines = ["ticket_id,email,summary"]
    lines += [f"{n},p{n}@example.com,The parcel number {n} came late and the customer was angry" for n in range(30)]
    path.write_text("\n".join(lines), "utf-8")
    contract, result, _ = check_draft(path, "ticket")
    assert contract.column("summary").role == "sensitive"
    assert [fault.message for fault in result.faults] == ["Sensitive column 'summary' does not name its purposes"]


def test_json_values_decide_the_column_types(tmp_path: Path) -> None:
    path = tmp_path / "event.jsonl"
    events: list[dict[str, Any]] = [
        {
            "eventId": f"e{n}",
            "deviceId": f"d{n % 7}",
            "event_at": f"{START + timedelta(minutes=n):%Y-%m-%dT%H:%M:%S}",
            "dwell_seconds": n / 3,
            "is_bot": n % 2 == 0,
            "tags": ["a", "b"],
            **({"query": "우유"} if n % 3 else {}),
        }
        for n in range(ROWS)
    ]
    path.write_text("\n".join(json.dumps(event) for event in events), "utf-8")
    contract, result, _ = check_draft(path, "event")
    assert result.faults == ()
    assert {column.name: column.spark_type for column in contract.columns} == {
        "event_id": "string",
        "device_id": "string",
        "event_at": "timestamp_ntz",
        "dwell_seconds": "double",
        "is_bot": "boolean",
        "tags": "string",
        "query": "string",
    }
    assert contract.primary_key == ("event_id",)
    assert contract.subject_key == "device_id"
    assert not contract.column("query").required


def test_parquet_types_decide_the_column_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "order_no": pa.array(range(ROWS), pa.int64()),
            "member_no": pa.array([person["회원번호"] for person in PEOPLE]),
            "amount": pa.array([Decimal(n) / 100 for n in range(ROWS)], pa.decimal128(12, 2)),
            "ordered_at": pa.array([START] * ROWS, pa.timestamp("us")),
            "paid": pa.array([True] * ROWS),
            "channel": pa.array(["web", "app"] * (ROWS // 2)).dictionary_encode(),
            "position": pa.array([{"x": 1}] * ROWS),
        }
    )
    path = tmp_path / "orders.parquet"
    pq.write_table(table, path)
    contract, result, text = check_draft(path, "orders")
    assert result.faults == ()
    found = {column.name: column.spark_type for column in contract.columns}
    assert found == {
        "order_no": "bigint",
        "member_no": "string",
        "amount": "decimal(12,2)",
        "ordered_at": "timestamp_ntz",
        "paid": "boolean",
        "channel": "string",
        "position": "string",
    }
    assert contract.column("channel").enum == ("app", "web")
    assert "a human decides" in text


def test_one_invalid_value_in_300_does_not_change_the_guessed_type(tmp_path: Path) -> None:
    path = tmp_path / "sale.csv"
    path.write_text("\n".join(["sale_no,amount", *(f"{n},{n * 3}" for n in range(300)), "300,12x"]), "utf-8")
    contract, _, text = check_draft(path, "sale")
    assert contract.column("amount").spark_type == "bigint"
    assert "# doubt: 1 of 301 rows go to quarantine: not a value of type bigint" in text


def test_one_repeated_row_in_200_does_not_change_the_guessed_key(tmp_path: Path) -> None:
    path = tmp_path / "sale.csv"
    path.write_text("\n".join(["sale_no,amount", *(f"{n},{n % 9}" for n in range(200)), "7,7"]), "utf-8")
    contract, _, text = check_draft(path, "sale")
    assert contract.primary_key == ("sale_no",)
    assert "except a few repeated rows" in text


def test_a_rare_value_is_left_out_of_the_enumeration(tmp_path: Path) -> None:
    path = tmp_path / "sale.csv"
    path.write_text("\n".join(["kind", *(["retail", "staff"] * 150), "retial"]), "utf-8")
    contract, _, text = check_draft(path, "sale")
    assert contract.column("kind").enum == ("retail", "staff")
    assert "1 of 301 values are rare" in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,name\n", "has only one line. Give a file with a header and at least one row"),
        ("a.csv", b"id,name,id,name\n1,a,2,b\n", "line 1 repeats the header id, name. Give each column its own header"),
        ("a.csv", b"\xff\xfei\x00d\x00", "has only one line"),
        ("a.csv", b"1,2017-01-01\n2,2017-01-02\n", "line 1 is no header: 2 of its 2 fields look like values"),
        ("a.csv", b"key,note,,price\nK1,a,b,3\nK2,c,d,4\n", "line 1 is no header: no name for column 3. Give each"),
        ("a.csv", b"key||note\nK1||a\nK2||b\n", "no name for column 2. Give each column a name, and separate"),
        ("a.txt", b"KEY   NOTE\nK1    a\nK2    b\n", "has columns of a fixed width. Export it with a delimiter"),
        ("a.csv", b"\x00\x01\x02\x03\n" * 50, "is not text"),
        ("a.txt", b"A letter.\nWith, some commas.\nAnd more; text.\n", "has a header but no rows"),
        ("a.doc", b"x", "has the unknown suffix .doc"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .xlsx"),
        ("a.jsonl", b'{"a":\n', "has no JSON object with a field"),
        ("a.jsonl", b"[1]\n", "has no JSON object with a field"),
        ("a.json", b"[" * 100_000, "has no JSON object with a field"),
        ("a.parquet", b"PAR1 and no more", "is not a complete Parquet file"),
    ],
)
def test_an_unreadable_file_is_refused_with_the_reason(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DraftError, match=re.escape(message)):
        draft(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DraftError, match=r"nothing.csv does not exist"):
        draft(tmp_path / "nothing.csv")


def test_the_draft_is_valid_yaml_for_headers_with_special_characters(tmp_path: Path) -> None:
    headers = ["a: b", "# c", "{d}", "'e'", '"f"', "yes", "1", "", "g\u0007h", "- i", "날짜,시간"]
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({header: n for n, header in enumerate(headers)}) + "\n", "utf-8")
    text = draft(path)
    properties = yaml.safe_load(text)["schema"][0]["properties"]
    # A column must have a name, so a contract cannot state an empty header.
    assert [entry.get("physicalName", entry["name"]) for entry in properties] == [h for h in headers if h]
    assert '# doubt: column "" is left out' in text


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("회원번호", "member_no"),
        ("주문 일시", "order_at"),
        ("memberId", "member_id"),
        ("HTTPStatus", "http_status"),
        ("보자기", "bojagi"),
        ("보자기번호", "bojagi_no"),
        ("2017년", "c_2017_nyeon"),
        ("Größe", "grosse"),
        ("§", "column"),
    ],
)
def test_a_header_becomes_a_snake_case_column_name(header: str, name: str) -> None:
    assert name_column(header) == name


def test_repeated_column_names_get_numbers() -> None:
    assert list(name_columns(["ID", "id", "Id"]).values()) == ["id", "id_2", "id_3"]


def test_hangul_is_written_in_revised_romanisation() -> None:
    assert romanise("한글 서울") == "hangeul seoul"
