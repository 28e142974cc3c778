"""Exports of real systems whose values are easily misread: each value is loaded as meant, or not at all.

The folder `case` has the file of each test and what is expected of it.
"""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.pipelines.ingest.new_user import NewUser, words_in


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_rare_hangul_in_cp949_is_loaded_by_the_draft(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "02-cp949")
    assert "encoding: CP949" in user.init("member949.csv")
    user.land("member949.csv")
    assert user.load().rows_added == 3
    assert user.column("name") == ["똠방각", "쀍나래", "홍길순"]


def test_latin_1_that_is_also_valid_cp949_never_becomes_hangul(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "03-latin1")
    assert "encoding: ISO-8859-1" in user.init("kund.csv")
    user.land("kund.csv")
    assert user.load().rows_added == 6
    assert user.column("namn") == ["Åsa Berg", "Anna Lind", "Åke Sten", "Nils Ek", "Eva Ros", "Åsa Falk"]


def test_semicolons_and_decimal_commas_are_drafted_and_loaded(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "04-semicolon-decimal-comma")
    user.init("preis.csv")
    assert user.contract.file is not None
    assert user.contract.file.delimiter == ";"
    assert [column.name for column in user.contract.columns] == ["artikel", "preis", "listenpreis", "einkauf"]
    user.land("preis.csv")
    assert user.load().rows_quarantined == 0
    rows = user.rows("artikel", "preis", "listenpreis", "einkauf")
    assert len(rows) == 40
    assert rows[0] == ("A0001", Decimal("1.50"), Decimal("2.25"), Decimal("1.10"))
    assert rows[-1] == ("A0040", Decimal("40.50"), Decimal("41.25"), Decimal("40.10"))


def test_a_decimal_comma_that_the_contract_does_not_state_is_named_in_quarantine(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "04-semicolon-decimal-comma")
    user.init("preis.csv")
    for name in ("preis", "listenpreis", "einkauf"):
        user.state_column(name, "decimal(12,2)", numberFormat=None)
    user.land("preis.csv")
    assert user.load().rows_added == 0
    assert words_in(user.reasons()[0], ["decimal comma"])
    assert "numberFormat" in user.reasons()[0]


MONEY = [Decimal(text) for text in ("1234000", "12000", "-3500", "4.50", "1234", "-900")]


def test_money_with_signs_separators_and_parentheses_is_read_as_stated(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "05-money-text")
    user.init("refund.csv")
    user.state_column(
        "amount",
        "decimal(12,2)",
        numberFormat={"thousands": ",", "currency": ["₩", "$"], "negative": ["parentheses"]},
    )
    user.land("refund.csv")
    user.load()
    assert user.column("amount") == MONEY


def test_money_text_that_the_contract_does_not_state_is_named_in_quarantine(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "05-money-text")
    user.init("refund.csv")
    user.state_column("amount", "decimal(12,2)", numberFormat=None)
    user.land("refund.csv")
    assert user.load().rows_added == 0
    reasons = user.reasons()
    assert words_in(reasons[0], ["currency"])
    assert words_in(reasons[4], ["thousands"])
    assert not any(word in reason for reason in reasons for word in ("1,234", "3,500", "4.50", "900"))


def test_identifiers_in_scientific_notation_are_quarantined_as_destroyed(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "06-excel-mangled")
    assert words_in(user.init("coupon_use.csv"), ["scientific"])
    user.state_column("used_on", "string")
    user.land("coupon_use.csv")
    user.load()
    assert user.rows("coupon_id", "card_no", "store_code") == [("8801234567893", "9410123412341234", "12")]
    assert len(user.reasons()) == 3
    assert all(words_in(reason, ["scientific"]) for reason in user.reasons())


def test_serial_dates_are_read_by_the_stated_unit_and_codes_keep_their_zeros(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "06-excel-mangled")
    user.init("coupon_use.csv")
    user.state_column("used_on", "timestamp_ntz", timeUnit="excel_days")
    user.land("coupon_use.csv")
    path = user.landing / user.source / "coupon_use.csv"
    text = path.read_text()
    for mangled, exported in (
        ("8.80123E+12,9.41E+15", "8801234567890,9410123412341230"),
        ("8.80124E+12,9.41E+15,42890,", "8801234567891,9410123412341231,42890,"),
        ("8.80124E+12,9.41E+15", "8801234567892,9410123412341232"),
    ):
        text = text.replace(mangled, exported)
    path.write_text(text)
    user.load()
    assert user.rows("used_on", "store_code")[:3] == [
        (at("2017-06-03"), "0012"),
        (at("2017-06-04"), "0013"),
        (at("2017-06-04 12:00"), "0013"),
    ]


def test_json_events_keep_ids_times_and_nested_values(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "07-ndjson-events")
    user.init("web_click.jsonl")
    user.state_column("timestamp", "timestamp_ntz")
    user.state_column("sent_at", "timestamp_ntz", timeUnit="milliseconds")
    user.state_column("properties", "string", purpose=["quality_assurance"])
    user.edit(lambda document: document["schema"][0]["properties"].pop())
    user.land("web_click.jsonl")
    report = user.load()
    assert any("new_field" in note for note in report.faults)
    rows = user.rows("event_id", "timestamp", "sent_at", "properties")
    ids = [str(9007199254740994 + number) for number in range(5)]
    assert [row[0] for row in rows] == [*ids, "12345678901234567890"]
    assert rows[0][1] == at("2017-06-02 08:30:01")
    assert rows[0][2] == at("2017-06-05 08:30:00")
    assert json.loads(rows[0][3]) == {"sku": "0177", "qty": 2, "price": 10.1, "tags": ["a", "b"]}
    assert '"qty": 2' in rows[0][3]
    assert '"price": 10.1' in rows[0][3]
    assert "none" in rows[4][3]


def test_times_with_a_zone_become_the_shops_wall_time(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "08-iso-zone")
    user.init("app_open.csv")
    user.state_column("opened_at", "timestamp_ntz")
    user.land("app_open.csv")
    user.load()
    assert user.rows("open_id", "opened_at") == [
        ("O001", at("2017-06-01 08:00:00")),
        ("O002", at("2017-06-01 17:00:00")),
        ("O003", at("2017-06-01 17:00:00.123456")),
        ("O004", at("2017-06-01 17:00:00")),
        ("O005", at("2017-03-12 02:30:00")),
    ]


def test_epoch_milliseconds_are_guessed_by_the_draft(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "09-parquet-epoch")
    assert "milliseconds" in user.init("tap.parquet")
    user.land("tap.parquet")
    user.load()
    assert user.column("tapped_at")[0] == at("2017-06-04 08:30:00")


def test_an_integer_time_without_a_stated_unit_is_refused(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "09-parquet-epoch")
    user.init("tap.parquet")
    user.state_column("tapped_at", "timestamp_ntz", timeUnit=None)
    user.land("tap.parquet")
    assert user.load().rows_added == 0
    assert any("timeUnit" in text for text in user.reasons())


def test_zoned_parquet_times_are_converted_to_the_shops_wall_time(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "10-parquet-tz")
    user.init("scan.parquet")
    user.state_column("scanned_at", "timestamp_ntz")
    user.land("scan.parquet")
    user.load()
    assert user.column("scanned_at") == [at("2017-06-02 05:00:00"), at("2018-01-01 01:00:00")]


def test_numbers_of_members_that_parquet_has_as_floats_get_the_token_of_their_text(tmp_path: Path) -> None:
    tokens = []
    for file, expected in (("desk.parquet", ["100000001", None, "100000003"]), ("desk_csv.csv", ["100000001"])):
        user = NewUser(tmp_path / file, "11-parquet-float-ids")
        user.init(file)
        assert user.contract.column("member_no").spark_type == "string"
        user.land(file)
        assert user.load().rows_quarantined == 0
        assert user.column("member_no") == expected
        tokens.append(user.column("member_no_token")[0])
        if file == "desk.parquet":
            assert [value and str(value) for value in user.column("order_no")] == [
                "20170601000123",
                "20170601000124",
                None,
            ]
    assert tokens[0] == tokens[1]


def test_rare_leading_zeros_make_a_column_text(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "13-rare-leading-zeros")
    user.init("pickup.csv")
    assert user.contract.column("pickup_id").spark_type == "string"
    user.land("pickup.csv")
    report = user.load()
    written = [line.split(",")[0] for line in (user.case / "pickup.csv").read_text().splitlines()[1:]]
    assert (report.rows_added, report.rows_quarantined) == (len(written), 0)
    assert sorted(user.column("pickup_id")) == sorted(written)
    assert sum(text.startswith("0") for text in written) == 3


def test_null_sentinels_are_suggested_and_read_as_stated(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "20-null-sentinels")
    assert "nullValues" in user.init("addr.csv")
    for name, physical in (("country", "string"), ("floor", "bigint"), ("weight_kg", "double"), ("moved_on", "date")):
        user.state_column(name, physical, required=False)
    user.state_file(nullValues=["", "\\N", "NULL", "-", "N/A", "nan", "NaT"])
    user.land("addr.csv")
    assert user.load().rows_added == 8
    columns = ("country", "floor", "weight_kg", "moved_on")
    assert user.rows(*columns) == [
        ("NA", 3, 1.5, datetime.date(2017, 6, 1)),
        ("KR", None, None, None),
        *[(None, None, None, None)] * 6,
    ]


def test_booleans_of_several_spellings_and_no_others(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "21-booleans")
    assert words_in(user.init("optin.csv"), ["boolean"])
    for name in ("sms_yn", "mail_flag", "app_flag"):
        user.state_column(name, "boolean", enum=None)
    user.edit(lambda document: [column.pop("enum", None) for column in document["schema"][0]["properties"]])
    user.land("optin.csv")
    user.load()
    assert user.rows("optin_id", "sms_yn", "mail_flag", "app_flag") == [
        ("B1", True, True, True),
        ("B2", False, False, False),
        ("B3", True, True, True),
    ]
    assert [(line, column) for line, column, _ in user.quarantine()] == [(5, "mail_flag"), (6, "sms_yn")]
    assert not any(value in reason for reason in user.reasons() for value in ("예", "참"))


def test_text_stays_intact_and_member_numbers_get_one_token_in_every_writing(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "23-unicode")
    user.init("memo.csv")
    user.state_column("memo", "string", purpose=["quality_assurance"])
    user.land("memo.csv")
    assert user.load().rows_added == 5
    # U4 has a letter and eight digits, the others a letter and nine.
    plain = ["M000000001", "M000000002", "M000000003", "M00000004", "M000000005"]
    expected = [user.protection.tokens.token("member_no", number) for number in plain]
    assert user.column("member_no_token") == expected
    memos = dict(user.rows("memo_id", "memo"))
    assert memos["U1"] == "👩‍👩‍👧‍👦 great 🇰🇷"
    assert memos["U2"] == "שלום עולם"
    assert memos["U3"] == "\u202eevil\u202c"
    assert memos["U4"] == "nul\0byte"
    assert memos["U5"] == "\uac00\u1100\u1161"


@pytest.mark.parametrize("file", ["boot.parquet", "boot96.parquet"])
def test_out_of_range_parquet_times_are_quarantined_one_by_one(tmp_path: Path, file: str) -> None:
    user = NewUser(tmp_path, "26-parquet-overflow")
    user.init(file, "boot")
    user.land(file)
    report = user.load()
    if file == "boot96.parquet":
        moment = at("2017-06-03 23:30:00.123456")
        assert user.rows("boot_id", "booted_at") == [("B4", moment), ("B5", moment)]
        return
    assert report.rows_added == 1
    assert [row[0] for row in user.rows("boot_id")] == ["B1"]
    assert [(line, column) for line, column, _ in user.quarantine()] == [(2, "booted_at"), (3, "booted_at")]
