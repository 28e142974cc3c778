import codecs
import gzip
import os
from pathlib import Path

import pytest

from pipelines.ingest import landing_look
from pipelines.ingest.landing_look import has_open_end, look
from tests.pipelines.ingest.shop import Shop, csv_of, sale

CUT = csv_of(sale(1), sale(2))[:-6]


def test_a_file_cut_in_its_last_line_waits_and_its_completed_successor_is_loaded(shop: Shop) -> None:
    shop.land("a.csv", CUT)
    report = shop.load()
    assert (report.waiting, report.files_new, report.rows_added) == (("a.csv",), 0, 0)
    assert report.faults == (f"a.csv: {landing_look.WAITING}",)
    shop.land("a.csv", csv_of(sale(1), sale(2), sale(3)))
    report = shop.load()
    assert (report.waiting, report.rows_added) == ((), 3)
    assert shop.quarantine() == []


def test_a_file_without_a_last_line_end_is_loaded_when_two_loads_have_seen_it_unchanged(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).rstrip())
    assert shop.load().waiting == ("a.csv",)
    report = shop.load()
    assert (report.waiting, report.rows_added) == ((), 1)
    assert shop.load().waiting == ()


def test_a_file_that_grows_between_two_loads_waits_again(shop: Shop) -> None:
    shop.land("a.csv", CUT)
    shop.load()
    shop.land("a.csv", csv_of(sale(1), sale(2), sale(3))[:-6])
    assert shop.load().waiting == ("a.csv",)


def test_a_file_of_the_same_size_but_written_again_waits_again(shop: Shop) -> None:
    path = shop.land("a.csv", CUT)
    shop.load()
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    assert shop.load().waiting == ("a.csv",)


def test_an_old_file_waits_like_a_new_one(shop: Shop) -> None:
    path = shop.land("a.csv", CUT)
    os.utime(path, (0, 0))
    assert shop.load().waiting == ("a.csv",)


def test_a_waiting_file_does_not_hold_up_the_others(shop: Shop) -> None:
    shop.land("a.csv", CUT)
    shop.land("b.csv", csv_of(sale(7)))
    report = shop.load()
    assert (report.waiting, report.rows_added) == (("a.csv",), 1)


def test_a_tick_of_the_sensor_is_a_look(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).rstrip())
    look(shop.landing, [shop.contract], shop.lakehouse)
    assert shop.load().rows_added == 1


def test_a_record_of_looks_that_was_cut_off_counts_as_no_look(shop: Shop) -> None:
    shop.land("a.csv", CUT)
    shop.load()
    (record,) = (shop.folder / "lakehouse" / landing_look.FOLDER).iterdir()
    record.write_text(record.read_text()[:5])
    assert shop.load().waiting == ("a.csv",)


@pytest.mark.parametrize(
    ("form", "content", "is_open"),
    [
        ("csv", b"a\n1\n", False),
        ("csv", b"a\r\n1\r\n", False),
        ("csv", b"a\r1\r", False),
        ("csv", b"a\n1", True),
        ("csv", "a\n1\n".encode("utf-16"), False),
        ("csv", "a\n1\n".encode("utf-16-be"), False),
        ("csv", "a\n1".encode("utf-16"), True),
        ("csv", b"", False),
        ("csv", codecs.BOM_UTF8, False),
        ("csv", gzip.compress(b"a\n1", mtime=0), False),
        ("jsonl", b'{"a": 1}\n{"a": 2}', False),
        ("jsonl", b'{"a": 1}\n{"a": ', True),
        ("jsonl", b'[{"a": 1}, {"a": 2', True),
        ("json", b'[{"a": 1}]', False),
        ("json", b'[{"a": 1}, {"a": 2\n', True),
        ("parquet", b"PAR1", False),
    ],
)
def test_only_text_that_ends_within_a_line_or_record_has_an_open_end(
    shop: Shop, form: str, content: bytes, is_open: bool
) -> None:
    contract = shop.contract_with(format=form)
    assert contract.file is not None
    path = shop.land("a", content)
    assert has_open_end(path, contract.file) == is_open


def test_a_missing_file_has_no_open_end(shop: Shop) -> None:
    assert shop.contract.file is not None
    assert not has_open_end(Path("/none"), shop.contract.file)
