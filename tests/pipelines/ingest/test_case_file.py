"""Files as real systems export them: cut off, compressed, with titles, repeated headers, changed columns, quotes.

The folder `case` has the files of each test and what is expected of them.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from tests.pipelines.ingest.new_user import NewUser, words_in


def test_two_identical_lines_of_a_receipt_are_two_sales(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "14-identical-lines")
    user.init("pos_line.csv")
    user.land("pos_line.csv")
    assert user.load().rows_added == 4
    assert user.rows("receipt_no", "sku") == [("B1", "S1"), ("B1", "S1"), ("B1", "S2"), ("B2", "S1")]


def test_a_corrected_row_is_loaded_beside_the_old_one_and_unchanged_rows_once(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "15-corrected-resend")
    user.init("loyalty_point.csv")
    user.land("loyalty_point.csv")
    user.load()
    user.land("second/loyalty_point.csv")
    report = user.load()
    assert (report.rows_added, report.rows_known) == (2, 1)
    assert sorted(user.rows("point_id", "points")) == [("L1", 100), ("L1", 150), ("L2", 200), ("L3", 50)]


def test_a_row_that_is_still_being_written_is_not_loaded(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "16-partial")
    user.init("kiosk.csv")
    user.land("kiosk.csv")
    report = user.load()
    assert ("Q2", 12) not in user.rows("kiosk_id", "amount")
    assert any("kiosk.csv" in note for note in report.faults)
    user.land("second/kiosk.csv")
    user.load()
    assert sorted(user.rows("kiosk_id", "amount")) == [("Q1", 1250), ("Q2", 1250), ("Q3", 900)]


def test_compressed_files_load_and_files_that_match_no_contract_are_named(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "17-gz-zip-suffix")
    user.init("ticket.csv")
    user.land("ticket.csv", "ticket2.csv.gz", "ticket3.zip", "ticket4.CSV", "ticket5.txt")
    user.load()
    loaded = set(user.column("ticket_id"))
    assert loaded == {"X1", "X2", "G1", "G2", "Z1", "Z2", "U1", "U2"}
    assert loaded.isdisjoint({"T1", "T2"})
    assert [name.split(":")[0] for name in user.unmatched()] == ["ticket/ticket5.txt"]


def test_a_header_without_rows_is_fine_and_files_without_a_header_are_refused_by_name(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "18-header-only-empty")
    user.init("survey.csv")
    user.land("survey.csv", "survey_h.csv", "survey_0.csv", "survey_bom.csv")
    report = user.load()
    assert user.column("survey_id") == ["E1"]
    assert sorted(fault.split(":")[0].split(",")[0] for fault in report.faults) == ["survey_0.csv", "survey_bom.csv"]
    assert report.files_new == 2


def test_json_fields_that_were_renamed_refuse_the_file_and_name_the_fields(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "22-json-rename")
    user.init("wish.jsonl")
    user.state_column("member_no", required=False)
    user.state_column("sku", required=False)
    user.land("wish.jsonl")
    assert user.load().rows_added == 5
    user.land("second/wish2.jsonl")
    report = user.load()
    assert report.rows_added == 0
    assert user.column("member_no") == [f"M00000000{number}" for number in range(1, 6)]
    told = " ".join(report.faults)
    assert "member_no" in told
    assert words_in(told, ["memberNo"])


def test_an_unclosed_quote_takes_its_lines_to_quarantine_and_no_others(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "24-quotes")
    user.init("note.csv")
    user.state_column("body", "string", purpose=["quality_assurance"])
    user.land("note.csv")
    user.load()
    assert user.rows("note_id", "body") == [("N1", 'two\nlines, and "quotes"'), ("N2", '6" pipe'), ("N7", "ok")]
    assert [line for line, *_ in user.quarantine()] == [5, 6, 7, 8]
    swallowed, backslash = user.reasons()[:3], user.reasons()[3]
    assert all("lines 5 to 7 (3 lines)" in reason for reason in swallowed)
    assert "backslash" in backslash


def test_titles_above_and_totals_below_are_found_by_the_draft(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "30-preamble-footer")
    draft = user.init("export.csv")
    assert "Sales export" not in [column.header for column in user.contract.columns]
    assert [column.name for column in user.contract.columns] == ["sale_id", "member_no", "sold_at", "amount"]
    assert "headerRow" in draft
    user.land("export.csv")
    user.load()
    assert user.column("sale_id") == ["S1", "S2", "S3", "S4", "S5"]


def test_a_file_with_title_lines_that_the_contract_does_not_state_is_refused_by_naming_its_header(
    tmp_path: Path,
) -> None:
    user = NewUser(tmp_path, "30-preamble-footer")
    user.init("export.csv")
    user.state_file(headerRow=None, footerRows=None)
    user.land("export.csv")
    report = user.load()
    assert report.rows_added == 0
    assert any("headerRow" in fault and "4" in fault for fault in report.faults)


def test_a_header_in_the_middle_is_no_row(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "32-repeated-header")
    user.init("tag.csv")
    user.land("tag.csv")
    user.load()
    assert user.column("tag_id") == ["T1", "T2", "T3"]
    assert [line for line, *_ in user.quarantine()] == [4]
    assert words_in(user.reasons()[0], ["header"])


def test_columns_that_changed_are_recognised_named_or_refused(tmp_path: Path) -> None:
    user = NewUser(tmp_path, "34-columns-change")
    user.init("wifi.csv")
    user.land("wifi.csv")
    assert user.load().rows_added == 3
    user.land("second/wifi_b.csv")
    report = user.load()
    moment = datetime.datetime.fromisoformat("2017-06-02 10:00:00")
    assert ("W4", "M000000004", moment, 3) in user.rows("wifi_id", "member_no", "seen_at", "floor")
    assert any("MEMBER_NO" in fault for fault in report.faults)
    user.land("second/wifi_c.csv")
    report = user.load()
    assert "W5" in user.column("wifi_id")
    assert any("zone" in note and "wifi_c.csv" in note for note in report.faults)
    user.land("second/wifi_d.csv")
    report = user.load()
    assert "W6" not in user.column("wifi_id")
    assert any("floor" in fault and "wifi_d.csv" in fault for fault in report.faults)
