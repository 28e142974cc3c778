from decimal import Decimal

import pytest

from pipelines.errors import IngestError
from pipelines.ingest.bronze import BronzeTable
from pipelines.ingest.quarantine import Quarantine
from tests.pipelines.ingest.shop import COLUMNS, Shop, csv_of, sale

WIDER = {**COLUMNS, "store": {"physical": "string", "enum": ["서울", "부산", "대구"], "required": True}}


def test_quarantined_rows_are_loaded_after_the_contract_is_corrected(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구"), sale(3, "도쿄"), sale(4, "대구", day="2017-02-01")))
    shop.load()
    shop.contract_with(WIDER)
    report = shop.replay()
    assert (report.rows_read, report.rows_added, report.rows_quarantined) == (3, 2, 1)
    assert [day.isoformat() for day in report.days] == ["2017-02-01", "2017-03-01"]
    assert shop.rows(["sale_id", "amount", "_line", "_source_file"]) == [
        ("s1", Decimal("1.50"), 2, "a.csv"),
        ("s2", Decimal("1.50"), 3, "a.csv"),
        ("s4", Decimal("1.50"), 5, "a.csv"),
    ]
    assert shop.rows(["phone_token"])[0] is not None
    assert shop.quarantine("line", "replayed_load_id") == [(3, report.load_id), (4, None), (5, report.load_id)]


def test_a_second_replay_and_the_same_file_add_nothing(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    shop.load()
    shop.contract_with(WIDER)
    shop.replay()
    assert shop.replay().rows_added == 0
    assert shop.load().rows_added == 0
    assert shop.ids() == ["s1", "s2"]


def test_a_quarantined_row_that_another_file_loaded_is_not_added_again(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    shop.load()
    shop.contract_with(WIDER)
    shop.land("b.csv", csv_of(sale(2, "대구"), sale(1)))
    assert shop.load().rows_added == 1
    report = shop.replay()
    assert (report.rows_added, report.rows_known) == (0, 1)
    assert shop.ids() == ["s1", "s2"]
    assert shop.quarantine("replayed_load_id") == [(report.load_id,)]


def test_rows_stay_in_quarantine_while_the_contract_is_unchanged(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(2, "대구")))
    shop.load()
    report = shop.replay()
    assert (report.rows_added, report.rows_quarantined) == (0, 1)
    assert shop.quarantine("line", "replayed_load_id") == [(2, None)]


def test_replay_of_an_empty_quarantine_reads_no_rows(shop: Shop) -> None:
    assert shop.replay().rows_read == 0


def test_undecodable_bytes_are_loaded_after_the_encoding_is_corrected(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).encode() + "s2,,부산".encode("cp949") + b",1,1,2017-03-01 10:00:00\n")
    shop.load()
    shop.contract_with(encoding="CP949")
    assert shop.replay().rows_added == 1
    assert shop.rows(["sale_id", "store"]) == [("s1", "서울"), ("s2", "부산")]


def test_replay_loads_json_lines_and_keeps_unparsable_ones(shop: Shop) -> None:
    shop.contract_with(format="jsonl")
    text = '{"sale_id": "s1", "store": "대구", "amount": 0.10, "sold_at": "2017-03-01T10:00:00"}\n{"sale_id": \n'
    shop.land("a.jsonl", text)
    assert shop.load().rows_quarantined == 2
    shop.contract_with(WIDER, format="jsonl")
    report = shop.replay()
    assert (report.rows_added, report.rows_quarantined) == (1, 1)
    assert shop.rows(["sale_id", "amount"]) == [("s1", Decimal("0.10"))]


def test_a_replay_that_fails_after_its_commit_is_finished_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    shop.load()
    shop.contract_with(WIDER)

    def die(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(Quarantine, "mark_replayed", die)
    with pytest.raises(IngestError, match="Replaying sale failed"):
        shop.replay()
    monkeypatch.undo()
    assert shop.ids() == ["s1", "s2"]
    assert shop.replay().rows_known == 1
    assert shop.ids() == ["s1", "s2"]
    assert shop.quarantine("line", "replayed_load_id")[0][1] is not None


def test_a_replay_that_fails_before_its_commit_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.land("a.csv", csv_of(sale(1), sale(2, "대구")))
    shop.load()
    shop.contract_with(WIDER)

    def die(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(BronzeTable, "commit", die)
    with pytest.raises(IngestError, match=r"Replaying sale failed: no space\. Its rows are still in quarantine"):
        shop.replay()
    monkeypatch.undo()
    assert shop.ids() == ["s1"]
    assert shop.replay().rows_added == 1
