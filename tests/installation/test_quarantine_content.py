"""What `bojagi quarantine` lists: rows by file and reason, refused files, and no values."""

from dataclasses import asdict
from pathlib import Path

import pytest

from installation.quality.quarantine_content import quarantined_groups, quarantined_items
from tests.pipelines.ingest.shop import NOW, Shop, csv_of, sale


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.land("a.csv", csv_of(sale(1), sale(2, store="nowhere"), sale(3, store="nowhere"), sale(4, amount="much")))
    shop.land("bad.csv", csv_of(sale(9)).replace(",", ";"))
    shop.load()
    return shop


def test_each_row_and_refused_file_is_one_item_with_file_line_column_reason_and_time(shop: Shop) -> None:
    items = quarantined_items(shop.lakehouse)
    assert [(item.file, item.line, item.column) for item in items] == [
        ("bad.csv", None, None), ("a.csv", 3, "store"), ("a.csv", 4, "store"), ("a.csv", 5, "amount"),
    ]  # fmt: skip
    assert all(item.quarantined_at == NOW and item.reason for item in items)


def test_rows_are_grouped_by_file_column_and_reason_and_refused_files_come_first(shop: Shop) -> None:
    groups = quarantined_groups(quarantined_items(shop.lakehouse))
    assert [(group.file, group.line, group.rows, group.is_refused_file) for group in groups] == [
        ("bad.csv", None, 0, True), ("a.csv", 3, 2, False), ("a.csv", 5, 1, False),
    ]  # fmt: skip


def test_no_value_of_a_row_is_listed(shop: Shop) -> None:
    listed = str([asdict(item) for item in quarantined_items(shop.lakehouse)])
    assert "nowhere" not in listed
    assert "much" not in listed
    assert "nowhere" in str(shop.records()), "the negative control: quarantine holds the value"


def test_only_the_chosen_source_is_listed_also_for_a_name_with_a_quote(shop: Shop) -> None:
    assert len(quarantined_items(shop.lakehouse, "sale")) == 4
    assert quarantined_items(shop.lakehouse, "other' OR '1'='1") == []


def test_a_file_refused_under_two_contracts_is_one_item(shop: Shop) -> None:
    shop.contract_with(delimiter="|")
    shop.load()
    assert sum(item.line is None for item in quarantined_items(shop.lakehouse)) >= 1
    names = [item.file for item in quarantined_items(shop.lakehouse) if item.line is None]
    assert len(names) == len(set(names))


def test_an_empty_lakehouse_has_nothing_in_quarantine(tmp_path: Path) -> None:
    assert quarantined_items(Shop(tmp_path / "new").lakehouse) == []
