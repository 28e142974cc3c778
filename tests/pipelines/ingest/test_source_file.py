"""What goes wrong in one file is a fault of that file: the others load."""

import gzip
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest import source_file
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.batch_preparation import PreparedBatch
from pipelines.ingest.csv_file import CsvFile
from tests.pipelines.ingest.shop import Shop, csv_of, sale
from tests.pipelines.ingest.test_bad_input import good_parquet, refused

ERRORS = [
    MemoryError(),
    OverflowError("date value out of range"),
    RecursionError(),
    zlib.error("invalid block"),
    pa.ArrowInvalid("bad"),
    pa.ArrowNotImplementedError("bad"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    KeyError("x"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["read", "check"])
def test_an_unforeseen_error_in_one_file_refuses_only_that_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception, step: str
) -> None:
    read, check = CsvFile.batches, source_file.check_safely

    def fail_to_read(self: CsvFile) -> Iterator[RawBatch]:
        for batch in read(self):
            if self.file.name == "b.csv":
                raise error
            yield batch

    def fail_to_check(batch: RawBatch, work: object) -> PreparedBatch:
        def fail(_: RawBatch) -> PreparedBatch:
            raise error

        is_second = "s2" in batch.columns["sale_id"].to_pylist()
        return check(batch, fail if is_second else work)  # type: ignore[arg-type]

    if step == "read":
        monkeypatch.setattr(CsvFile, "batches", fail_to_read)
    else:
        monkeypatch.setattr("pipelines.ingest.source_load.check_safely", fail_to_check)
    for number, name in enumerate("abc", 1):
        shop.land(f"{name}.csv", csv_of(sale(number)))
    report = shop.load()
    assert shop.ids() == ["s1", "s3"]
    assert len(report.faults) == 1
    assert report.faults[0].startswith("b.csv")
    assert type(error).__name__ in report.faults[0]
    assert shop.quarantine("file", "line", "rule") == [("b.csv", None, "unreadable")]


def test_an_error_of_the_disk_is_no_fault_of_the_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.errors import IngestError
    from pipelines.ingest.staging_area import StagingArea

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StagingArea, "write", fail)
    shop.land("a.csv", csv_of(sale(1)))
    with pytest.raises(IngestError, match="No space left on device"):
        shop.load()
    assert shop.quarantine() == []


def test_an_unreadable_file_does_not_hold_up_the_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.ingest import landing

    digest = landing.digest

    def fail(path: object) -> tuple[str, int]:
        if str(path).endswith("a.csv"):
            raise PermissionError(13, "Permission denied")
        return digest(path)  # type: ignore[arg-type]

    monkeypatch.setattr(landing, "digest", fail)
    shop.land("a.csv", b"")
    shop.land("b.csv", csv_of(sale(2)))
    report = shop.load()
    assert (shop.ids(), len(report.faults)) == (["s2"], 1)


def test_damage_in_a_parquet_file_is_named_by_row_group_and_column(shop: Shop) -> None:
    table = pq.read_table(pa.BufferReader(good_parquet(shop, 3000)))
    path = shop.landing / "sale" / "a.parquet"
    pq.write_table(table, path, row_group_size=1000, compression="zstd")
    place = pq.read_metadata(path).row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = place.dictionary_page_offset or place.data_page_offset
    content[start : start + place.total_compressed_size] = bytes(place.total_compressed_size)
    path.write_bytes(bytes(content))
    assert "row group 2, column sale_id" in refused(shop)


@pytest.mark.parametrize("dictionary", [True, False])
def test_texts_of_a_parquet_file_that_are_not_utf8_are_quarantined(shop: Shop, dictionary: bool) -> None:
    table = pq.read_table(pa.BufferReader(good_parquet(shop, 3)))
    phones = pa.array([b"010-1234-5678", b"\xbc\xad\xbf\xef", None], pa.binary())
    # Another program may have declared the bytes of another encoding as text.
    text = pa.Array.from_buffers(pa.string(), 3, phones.buffers())
    path = shop.landing / "sale" / "a.parquet"
    pq.write_table(table.set_column(1, "전화번호", text), path, use_dictionary=dictionary)
    assert shop.load().rows_added == 2
    assert shop.quarantine() == [(2, "phone", "encoding")]
    assert shop.replay().rows_added == 0


def test_a_compressed_parquet_file_is_loaded(shop: Shop) -> None:
    shop.land("a.parquet.gz", gzip.compress(good_parquet(shop, 3)))
    assert shop.load().rows_added == 3
