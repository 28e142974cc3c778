"""Identifying columns are encrypted in every file of the lakehouse and are decrypted only with their key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import QueryBuilder

from installation.contract.document import Contract
from pipelines.ingest.row_hash import hash_rows
from privacy.protection.errors import PurposeError, TamperedCiphertextError
from privacy.protection.revealer import Revealer
from tests.pipelines.ingest.shop import COLUMNS, HEADER, Shop, csv_of, sale

PURPOSE = "quality_assurance"
PERSONAL: dict[str, dict[str, Any]] = {
    **COLUMNS,
    "phone": {**COLUMNS["phone"], "identifierRole": "direct", "maxLength": 20},
    "note": {"physical": "string", "encrypted": "true"},
    "card": {"physical": "bigint", "identifierRole": "direct"},
}
LINE = "s{n},010-0000-{n:04d},서울,1.50,2,2017-03-01 10:00:00,비밀 {n},{card}\n"
FULL_HEADER = HEADER.rstrip("\n") + ",note,card\n"


def rows_of(*numbers: int) -> str:
    return FULL_HEADER + "".join(LINE.format(n=n, card=9410_0000 + n) for n in numbers)


@pytest.fixture
def personal(shop: Shop) -> Shop:
    shop.contract_with(PERSONAL, subject="phone")
    return shop


def bronze(shop: Shop) -> pa.Table:
    reader = QueryBuilder().register("t", shop.lakehouse.delta("bronze/sale")).execute("SELECT * FROM t ORDER BY _line")
    return pa.table(reader.read_all())


def reveal(shop: Shop, table: pa.Table, purpose: str = PURPOSE) -> tuple[pa.Table, list[tuple[Any, ...]]]:
    noted: list[tuple[Any, ...]] = []

    def note(contract: Contract, columns: tuple[str, ...], persons: int) -> None:
        noted.append((contract.table, columns, persons))

    return Revealer(shop.protection, purpose, note)(shop.contract, table), noted


def bytes_below(folder: Path) -> bytes:
    """Return every file's bytes and every value of every Parquet file, because Parquet pages are compressed."""
    found = b""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found += path.read_bytes()
        if path.suffix == ".parquet":
            for column in pq.read_table(path).columns:
                found += b"\n".join(
                    value if isinstance(value, bytes) else str(value).encode() for value in column.to_pylist()
                )
    return found


def test_confidential_columns_are_encrypted_in_files_and_revealed_for_a_purpose(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1, 2))
    assert personal.load().rows_added == 2
    table = bronze(personal)
    for name in ("phone", "note", "card"):
        assert all(isinstance(value, bytes) for value in table[name].to_pylist())
    clear, noted = reveal(personal, table)
    assert clear.select(["phone", "note", "card"]).to_pylist() == [
        {"phone": f"010-0000-000{n}", "note": f"비밀 {n}", "card": 9410_0000 + n} for n in (1, 2)
    ]
    assert noted == [("bronze/sale", ("phone", "note", "card"), 2)]
    lies = bytes_below(personal.folder / "lakehouse")
    assert "서울".encode() in lies, "the search of the files finds nothing at all"
    for secret in ("010-0000-0001", "+821000000001", "비밀", "94100001"):
        assert secret.encode() not in lies


def test_a_column_is_not_revealed_for_a_purpose_that_it_does_not_serve(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1))
    personal.load()
    with pytest.raises(PurposeError, match="does not let phone, note, card serve it"):
        reveal(personal, bronze(personal), "marketing")
    with pytest.raises(PurposeError, match="read the columns phone_token as well"):
        reveal(personal, bronze(personal).drop_columns(["phone_token"]))


def test_a_person_has_one_key_and_one_ciphertext_of_the_subject_key(personal: Shop) -> None:
    same = LINE.format(n=1, card=1).replace("s1", "s7") + LINE.format(n=1, card=1).replace("s1", "s8")
    personal.land("a.csv", rows_of(1, 2) + same)
    personal.load()
    phones, notes = bronze(personal)["phone"].to_pylist(), bronze(personal)["note"].to_pylist()
    assert phones[0] == phones[2] == phones[3] != phones[1]
    assert len(set(notes)) == 4
    assert personal.protection.cipher._store.status().data_keys == 2


def test_rows_without_a_readable_subject_each_have_their_own_key(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1, 2).replace("010-0000-0001", "").replace("010-0000-0002", "12"))
    personal.load()
    clear, _ = reveal(personal, bronze(personal))
    assert clear["phone"].to_pylist() == [None, "12"]
    assert clear["note"].to_pylist() == ["비밀 1", "비밀 2"]
    assert personal.protection.cipher._store.status().data_keys == 2


def test_known_rows_are_recognised_although_their_ciphertexts_differ(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1, 2, 3))
    personal.load()
    personal.land("b.csv", rows_of(3, 1, 4))
    report = personal.load()
    assert (report.rows_known, report.rows_added) == (2, 1)


def test_the_stored_row_hash_cannot_be_computed_without_the_key(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1))
    personal.load()
    table = bronze(personal)
    clear, _ = reveal(personal, table)
    columns = {c.name: clear[c.name].combine_chunks() for c in personal.contract.columns}
    low, _ = hash_rows(columns, 1)
    assert table["_row_hash_low"].to_pylist() != low.view("int64").tolist()


def test_destroying_the_key_of_a_person_erases_all_their_values_and_no_others(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1, 2))
    personal.load()
    token = personal.protection.tokens.token("phone", "010-0000-0001")
    assert personal.protection.cipher._store.destroy([f"sale:{token}"]) == 1
    clear, _ = reveal(personal, bronze(personal))
    assert clear.select(["phone", "note", "card"]).to_pylist() == [
        {"phone": None, "note": None, "card": None},
        {"phone": "010-0000-0002", "note": "비밀 2", "card": 9410_0002},
    ]


@pytest.mark.parametrize("name", ["phone", "note", "card"])
def test_a_ciphertext_moved_to_another_row_is_refused(personal: Shop, name: str) -> None:
    personal.land("a.csv", rows_of(1, 2))
    personal.load()
    table = bronze(personal)
    swapped = table.set_column(table.column_names.index(name), name, pa.array(table[name].to_pylist()[::-1]))
    with pytest.raises(TamperedCiphertextError):
        reveal(personal, swapped)


def test_a_quarantined_row_is_encrypted_and_can_be_replayed(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1, 2).replace("서울", "대구"))
    assert personal.load().rows_quarantined == 2
    lies = bytes_below(personal.folder / "lakehouse")
    assert "대구".encode() not in lies
    assert b"010-0000-0001" not in lies
    assert [row["전화번호"] for row in personal.records()] == ["010-0000-0001", "010-0000-0002"]
    personal.contract_with({**PERSONAL, "store": {"physical": "string"}}, subject="phone")
    report = personal.replay()
    assert (report.rows_added, report.rows_quarantined) == (2, 0)
    clear, _ = reveal(personal, bronze(personal))
    assert clear["note"].to_pylist() == ["비밀 1", "비밀 2"]


def test_a_row_exported_again_has_one_quarantine_entry(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1).replace("서울", "대구"))
    personal.load()
    personal.land("b.csv", rows_of(1, 2).replace("서울", "대구"))
    personal.load()
    assert len(personal.records()) == 2


def test_destroying_the_key_of_a_person_erases_their_quarantined_rows(personal: Shop) -> None:
    personal.land("a.csv", rows_of(1, 2).replace("서울", "대구"))
    personal.load()
    token = personal.protection.tokens.token("phone", "010-0000-0001")
    personal.protection.cipher._store.destroy([f"sale:{token}"])
    assert [row["전화번호"] for row in personal.records()] == ["010-0000-0002"]
    assert personal.replay().rows_read == 1


def test_warning_rules_are_checked_before_encryption_and_stored_as_a_flag(shop: Shop) -> None:
    shop.contract_with(PERSONAL, subject="phone", severity="{phone: warning}")
    shop.land("a.csv", rows_of(1, 2).replace("010-0000-0002", "0" * 30))
    assert shop.load().rows_added == 2
    assert bronze(shop)["phone_is_valid"].to_pylist() == [True, False]


def test_an_unencrypted_phone_is_found_in_the_files(shop: Shop) -> None:
    """Negative control of the tests above: without the roles, the search of the files finds the phone."""
    shop.land("a.csv", csv_of(sale(1)))
    shop.load()
    assert b"010-0000-0001" in bytes_below(shop.folder / "lakehouse")


def test_the_message_about_a_file_without_a_header_hides_its_first_row(personal: Shop) -> None:
    personal.land("a.csv", LINE.format(n=1, card=94100001) + LINE.format(n=2, card=94100002))
    report = personal.load()
    (fault,) = report.faults
    assert "unknown to the contract: add the header line if it is missing" in fault
    assert "010-0000-0001" not in fault
    assert "비밀" not in fault
    assert b"010-0000-0001" not in bytes_below(personal.folder / "lakehouse")


def test_messages_do_not_repeat_the_names_of_unknown_fields(personal: Shop) -> None:
    personal.contract_with(PERSONAL, subject="phone", format="jsonl")
    personal.land("a.jsonl", '{"010-0000-0001": 1}\n')
    report = personal.load()
    assert (report.rows_added, len(report.faults)) == (0, 1)
    assert not any("010-0000-0001" in fault for fault in report.faults)
    assert not any("010-0000-0001" in reason for (reason,) in personal.quarantine("reason"))
