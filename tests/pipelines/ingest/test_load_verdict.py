"""The judgement of a source's loads: refused files, and the share of quarantined rows against the contract's limit."""

from pathlib import Path

import pytest

from installation.quality.quarantine_content import QUARANTINE
from pipelines.ingest.load_result import LoadResult
from pipelines.ingest.load_verdict import LoadVerdict, judge_loads, judge_tables
from pipelines.ingest.quarantine import Quarantine
from tests.pipelines.ingest.shop import Shop, csv_of, sale


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def judged(shop: Shop, result: LoadResult | None = None) -> LoadVerdict:
    return judge_loads(shop.contract, shop.lakehouse, result or shop.load())


def land_broken(shop: Shop, name: str, rows: int, broken: int, start: int = 1) -> None:
    """Land a file with so many rows, of which the last ones break the contract."""
    lines = [sale(start + i, store="서울" if i < rows - broken else "nowhere") for i in range(rows)]
    shop.land(name, csv_of(*lines))


def limited(shop: Shop, percent: float) -> None:
    path = shop.contract_with().path
    text = path.read_text().replace(
        "      - {property: delimiter",
        f"      - {{property: quarantineLimit, value: {percent}, vendor: bojagi}}\n      - {{property: delimiter",
    )
    path.write_text(text)
    from installation.contract.document import load_contracts

    shop.contract = load_contracts([path.parent]).source("sale")


def test_a_load_without_faults_has_no_message(shop: Shop) -> None:
    land_broken(shop, "a.csv", 10, 0)
    verdict = judged(shop)
    assert (verdict.faults, verdict.warnings, verdict.share, verdict.rows_read) == ((), (), 0.0, 10)


def test_one_broken_row_of_eight_is_above_one_percent_and_names_file_line_column_and_reason(shop: Shop) -> None:
    land_broken(shop, "a.csv", 8, 1)
    (fault,) = judged(shop).faults
    assert fault.startswith("1 of 8 rows (12.5 %) are in quarantine, more than the 1 % of quarantineLimit.")
    assert "a.csv, line 9: store: not one of the 2 values" in fault
    assert "nowhere" not in fault


@pytest.mark.parametrize(("broken", "is_over"), [(1, False), (2, False), (3, True)])
def test_the_share_is_compared_with_the_limit_of_the_contract(shop: Shop, broken: int, is_over: bool) -> None:
    limited(shop, 2)
    land_broken(shop, "a.csv", 100, broken)
    verdict = judged(shop)
    assert bool(verdict.faults) == is_over
    assert bool(verdict.warnings) == (not is_over)


def test_the_judgement_is_repeated_without_new_files_and_ends_with_the_next_load(shop: Shop) -> None:
    land_broken(shop, "a.csv", 8, 1)
    first = judged(shop)
    assert judged(shop).faults == first.faults
    assert judge_tables(shop.contract, shop.lakehouse, ()).faults == first.faults
    land_broken(shop, "b.csv", 8, 0, start=100)
    assert judged(shop).faults == ()


def test_replayed_rows_no_longer_count(shop: Shop) -> None:
    land_broken(shop, "a.csv", 8, 2)
    assert judged(shop).rows_quarantined == 2
    path = shop.contract.path
    path.write_text(path.read_text().replace('"value": "부산"', '"value": "nowhere"').replace("부산", "nowhere"))
    from installation.contract.document import load_contracts

    shop.contract = load_contracts([path.parent]).source("sale")
    assert shop.replay().rows_added == 2
    verdict = judged(shop)
    assert (verdict.rows_quarantined, verdict.faults, verdict.warnings) == (0, (), ())


def test_rows_that_were_in_quarantine_before_count_in_the_load_that_brings_them_again(shop: Shop) -> None:
    land_broken(shop, "a.csv", 8, 2)
    shop.load()
    land_broken(shop, "b.csv", 9, 3)  # one broken row more than a.csv: two of them have an entry already
    verdict = judged(shop)
    assert (verdict.rows_read, verdict.rows_quarantined) == (9, 3)


def test_a_refused_file_is_a_fault_in_every_run_with_its_reason(shop: Shop) -> None:
    land_broken(shop, "good.csv", 4, 0)
    shop.land("bad.csv", csv_of(sale(9)).replace(",", ";"))
    first = judged(shop)
    assert len(first.refused) == 1
    assert "bad.csv" in first.faults[0]
    assert "delimiter" in first.faults[0]
    again = judged(shop)
    assert again.faults == first.faults
    refused = Quarantine(shop.contract, shop.lakehouse, shop.protection).refused_files()
    assert judge_tables(shop.contract, shop.lakehouse, list(refused.values())).faults == first.faults


def test_a_refused_file_that_is_taken_out_of_the_folder_is_no_fault_any_more(shop: Shop) -> None:
    path = shop.land("bad.csv", csv_of(sale(9)).replace(",", ";"))
    assert judged(shop).faults
    path.unlink()
    assert judged(shop).faults == ()
    assert shop.rows(("file", "replayed_load_id"), QUARANTINE) == [("bad.csv", "removed")]
    shop.land("bad.csv", csv_of(sale(9)).replace(",", ";"))
    assert judged(shop).faults, "the file is tried and refused again"


def test_notes_of_a_load_are_warnings(shop: Shop) -> None:
    shop.land("a.csv", csv_of(sale(1)).replace("sold_at", "sold_at,extra").replace("10:00:00", "10:00:00,1"))
    verdict = judged(shop)
    assert verdict.faults == ()
    assert any("extra" in note for note in verdict.warnings)
