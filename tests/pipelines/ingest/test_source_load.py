import datetime
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installation.lakehouse.lakehouse import Lakehouse
from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from tests.pipelines.ingest.shop import COLUMNS, NOW, Shop, csv_of, sale

DAY = datetime.date


def test_loaded_rows_have_contract_types_tokens_file_and_line(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "부산", "")))
    report = shop.load()
    assert (report.files_new, report.rows_read, report.rows_added, report.rows_quarantined) == (1, 2, 2, 0)
    assert report.days == (DAY(2017, 3, 1),)
    assert report.faults == ()
    columns = ("sale_id", "phone", "store", "amount", "pieces", "sold_at", "_source_file", "_line", "_loaded_at")
    moment = datetime.datetime.fromisoformat("2017-03-01T10:00:00")
    assert shop.rows(columns) == [
        ("s1", "010-0000-0001", "서울", Decimal("1.50"), 2, moment, "a.csv", 2, NOW),
        ("s2", "010-0000-0002", "부산", None, 2, moment, "a.csv", 3, NOW),
    ]
    assert shop.rows(["phone_token", "_load_id"])[0] == (
        *sorted(
            [
                (shop.protection.tokens.token("phone", "+821000000001"),),
                (shop.protection.tokens.token("phone", "+821000000002"),),
            ]
        )[0],
        report.load_id,
    )


def test_both_engines_read_what_ingest_wrote(shop: Shop, engine: Engine) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구"), sale(3, "부산")))
    shop.load()
    lakehouse = SparkLakehouse(shop.lakehouse.root, engine.spark)
    rows = lakehouse.read("bronze/sale").where("pieces = 2 AND sold_at < TIMESTAMP_NTZ'2018-01-01 00:00:00'")
    assert sorted((row.sale_id, row.amount) for row in rows.collect()) == [
        ("s1", Decimal("1.50")),
        ("s3", Decimal("1.50")),
    ]
    assert [row.line for row in lakehouse.read("bronze/quarantine").collect()] == [3]


def test_a_second_load_of_the_same_files_commits_nothing(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    shop.load()
    report = shop.load()
    assert (report.files_seen, report.files_new, report.rows_read, report.rows_added) == (1, 0, 0, 0)
    assert shop.lakehouse.version("bronze/sale") == 0
    assert shop.lakehouse.version("bronze/quarantine") == 0


def test_a_copy_of_a_file_under_another_name_is_not_loaded(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)))
    shop.land("b.csv", csv_of(sale(1)))
    assert shop.load().rows_added == 1
    shop.land("c.csv", csv_of(sale(1)))
    assert shop.load().files_new == 0
    assert shop.ids() == ["s1"]


def test_rows_exported_again_in_another_order_add_only_what_is_new(shop: Shop) -> None:
    lines = [sale(number) for number in range(1, 51)] + [sale(99, "대구")]
    shop.land("monday.csv", csv_of(*lines))
    shop.load()
    again = [*lines, sale(51), sale(52)]
    random.Random(7).shuffle(again)
    shop.land("tuesday.csv", csv_of(*again))
    report = shop.load()
    assert (report.rows_read, report.rows_known, report.rows_added, report.rows_quarantined) == (53, 50, 2, 1)
    assert shop.ids() == sorted(f"s{number}" for number in range(1, 53))
    assert len(shop.quarantine()) == 1


def test_duplicates_in_a_file_are_loaded_and_only_known_ones_are_left_out(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(1), sale(2)))
    assert shop.load().rows_added == 3
    shop.land("b.csv", csv_of(sale(2), sale(1), sale(1), sale(1)))
    report = shop.load()
    assert (report.rows_known, report.rows_added) == (3, 1)
    assert shop.ids() == ["s1", "s1", "s1", "s2"]


def test_a_row_in_two_files_of_one_load_is_added_once(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2)))
    shop.land("b.csv", csv_of(sale(3), sale(2)))
    report = shop.load()
    assert (report.rows_added, report.rows_known) == (3, 1)
    assert shop.ids() == ["s1", "s2", "s3"]


NUMBERS = st.lists(st.integers(0, 4), max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(loads=st.lists(st.lists(NUMBERS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_the_table_has_each_row_as_often_as_the_file_that_repeats_it_most(
    tmp_path_factory: pytest.TempPathFactory, loads: list[list[list[int]]]
) -> None:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    expected = [0] * 5
    for load, files in enumerate(loads):
        for file, numbers in enumerate(files):
            shop.land(f"{load}-{file}.csv", csv_of(*(sale(number) for number in numbers)))
            expected = [max(before, numbers.count(number)) for number, before in enumerate(expected)]
        shop.load()
    assert shop.ids() == [f"s{number}" for number, count in enumerate(expected) for _ in range(count)]


def test_late_events_are_reported_under_the_day_they_happened(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1, day="2017-03-05")))
    shop.load()
    shop.land("b.csv", csv_of(sale(1, day="2017-03-05"), sale(2, day="2017-02-27"), sale(3, day="2017-03-06")))
    assert shop.load().days == (DAY(2017, 2, 27), DAY(2017, 3, 6))


def test_a_partitioned_table_has_one_folder_per_day_and_skips_known_rows(shop: Shop) -> None:
    columns = {**COLUMNS, "sold_on": {"physical": "date", "partitioned": True}}
    shop.contract_with(columns)
    lines = [
        sale(number, day=f"2017-03-0{1 + number % 2}").strip() + f",2017-03-0{1 + number % 2}\n" for number in range(4)
    ]
    shop.land("a.csv", csv_of(*lines).replace("sold_at", "sold_at,sold_on"))
    report = shop.load()
    assert report.rows_added == 4
    folders = sorted(path.name for path in (shop.folder / "lakehouse" / "bronze" / "sale").glob("sold_on=*"))
    assert folders == ["sold_on=2017-03-01", "sold_on=2017-03-02"]
    late = sale(9, day="2017-03-01").strip() + ",2017-03-01\n"
    shop.land("b.csv", csv_of(*lines, late).replace("sold_at", "sold_at,sold_on"))
    assert shop.load().rows_added == 1
    assert shop.rows(["sale_id", "sold_on"])[-1] == ("s9", DAY(2017, 3, 1))


def test_a_column_added_to_the_contract_is_null_in_old_rows(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)))
    shop.load()
    shop.contract_with({**COLUMNS, "note": {"physical": "string"}})
    shop.land("b.csv", csv_of(sale(1).strip() + ",\n", sale(2).strip() + ",kind\n").replace("sold_at", "sold_at,note"))
    report = shop.load()
    # The old row was exported again with the new column still empty: it is the same row.
    assert (report.rows_known, report.rows_added) == (1, 1)
    assert shop.rows(["sale_id", "note"]) == [("s1", None), ("s2", "kind")]


def test_a_load_is_refused_after_a_column_changed_its_type(shop: Shop) -> None:
    from pipelines.errors import ContractChangedError

    shop.land("a.csv", csv_of(sale(1)))
    shop.load()
    shop.contract_with({**COLUMNS, "pieces": {"physical": "string"}})
    shop.land("b.csv", csv_of(sale(2)))
    with pytest.raises(
        ContractChangedError, match=r"bronze/sale .*converted pieces \(int → string\).*contracts migrate"
    ):
        shop.load()
    assert shop.ids() == ["s1"]


@pytest.mark.parametrize(
    ("name", "codec", "contract"),
    [("CP949", "cp949", "CP949"), ("with a mark", "utf-8-sig", "UTF-8"), ("UTF-16", "utf-16", "UTF-16")],
)
def test_files_are_decoded_with_the_encoding_of_the_contract(shop: Shop, name: str, codec: str, contract: str) -> None:
    shop.contract_with(encoding=contract)
    shop.land("a.csv", csv_of(sale(1), sale(2, "부산")), codec)
    assert shop.load().rows_added == 2
    assert shop.rows(["store"]) == [("부산",), ("서울",)]


def test_missing_fields_of_json_lines_are_null(shop: Shop) -> None:
    shop.contract_with(format="jsonl")
    shop.land(
        "a.jsonl",
        '{"sale_id": "s1", "store": "서울", "amount": 0.10, "pieces": 3, "sold_at": "2017-03-01T10:00:00", "x": 1}\n\n'
        '{"store": "부산", "sale_id": "s2", "amount": "2.5", "sold_at": "2017-03-01T10:00:00", "pieces": null}\n',
    )
    report = shop.load()
    assert report.rows_added == 2
    assert report.faults == ("a.jsonl: field x is not in the contract and was not loaded",)
    assert shop.rows(["sale_id", "amount", "pieces", "_line"]) == [
        ("s1", Decimal("0.10"), 3, 1),
        ("s2", Decimal("2.50"), None, 3),
    ]


def test_parquet_columns_are_converted_to_the_contract_types(shop: Shop) -> None:
    shop.contract_with(format="parquet")
    moment = datetime.datetime.fromisoformat("2017-03-01T10:00:00")
    table = pa.table(
        {
            "sale_id": ["s1", "s2"],
            "전화번호": [None, "010-1234-5678"],
            "store": pa.array(["서울", "서울"]).dictionary_encode(),
            "amount": [1.39, 0.1 + 0.2],
            "pieces": pa.array([2, None], pa.int64()),
            "sold_at": pa.array([moment, moment], pa.timestamp("ns")),
        }
    )
    pq.write_table(table, shop.landing / "sale" / "a.parquet")
    assert shop.load().rows_added == 2
    assert shop.rows(["amount", "pieces", "sold_at"]) == [
        (Decimal("0.30"), None, moment),
        (Decimal("1.39"), 2, moment),
    ]


def test_a_column_under_its_synonym_is_loaded(shop: Shop) -> None:
    shop.contract_with({**COLUMNS, "pieces": {"physical": "int", "synonyms": [{"synonym": "count"}]}})
    shop.land("a.csv", csv_of(sale(1)).replace("pieces", "count"))
    shop.load()
    assert shop.rows(["pieces"]) == [(2,)]


def test_hidden_and_unfinished_files_are_not_loaded(shop: Shop) -> None:
    for name in (".a.csv", "_b.csv", "c.csv.tmp", "d.csv.part"):
        shop.land(name, csv_of(sale(1)))
    assert shop.load().files_seen == 0
    assert not shop.lakehouse.exists("bronze/sale")


def test_line_numbers_count_line_breaks_within_quotes(shop: Shop) -> None:
    shop.contract_with({**COLUMNS, "note": {"physical": "string"}})
    lines = [
        's1,,서울,1,1,2017-03-01 10:00:00,"two\nlines"\n',
        "\n",
        's2,,대구,1,1,2017-03-01 10:00:00,"a ""b"""\n',
        's3,,서울,1,1,2017-03-01 10:00:00,5" wide\n',
    ]
    shop.land("a.csv", csv_of(*lines).replace("sold_at", "sold_at,note"))
    shop.load()
    assert shop.rows(["sale_id", "_line", "note"]) == [("s1", 2, "two\nlines"), ("s3", 6, '5" wide')]
    assert shop.quarantine() == [(5, "store", "enum")]


def test_a_lakehouse_given_as_a_url_is_loaded(shop: Shop, tmp_path: Path) -> None:
    shop.lakehouse = Lakehouse(f"file://{tmp_path}/elsewhere")
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    shop.load()
    shop.land("b.csv", csv_of(sale(1), sale(3)))
    assert shop.load().rows_known == 1
    assert shop.ids() == ["s1", "s3"]
    assert (tmp_path / "elsewhere" / "bronze" / "sale" / "_delta_log").is_dir()
